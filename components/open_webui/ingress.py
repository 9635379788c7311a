"""The Ingress: the way in from outside, with or without sticky sessions."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from ..labels import Labels
from .settings import IngressSettings

# A websocket is one long request: the controllers' default of a minute would cut it.
_WEBSOCKET_SECONDS = "3600"
# Uploads of documents; the application has a limit of its own.
_BODY_SIZE = "100m"
_COOKIE = "open-webui-replica"


def ingress(
    name: str,
    *,
    in_namespace: Input[str],
    labels: Labels,
    settings: IngressSettings,
    host: str,
    service: str,
    port_name: str,
    opts: ResourceOptions,
) -> k8s.networking.v1.Ingress:
    """Route every path of ``host`` to the Service."""
    return k8s.networking.v1.Ingress(
        name,
        metadata={
            "name": name,
            "namespace": in_namespace,
            "labels": labels.metadata,
            "annotations": {**_annotations(settings), **settings.annotations},
        },
        spec={
            **({"ingress_class_name": settings.class_name} if settings.class_name else {}),
            "rules": [
                {
                    "host": host,
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "path_type": "Prefix",
                                "backend": {"service": {"name": service, "port": {"name": port_name}}},
                            }
                        ]
                    },
                }
            ],
            **(
                {"tls": [{"hosts": [host], "secret_name": settings.tls_secret_name}]}
                if settings.tls_secret_name
                else {}
            ),
        },
        opts=opts,
    )


def service_annotations(settings: IngressSettings) -> dict[str, str]:
    """Annotations of the Service behind the Ingress: Traefik reads its cookie there."""
    if not (settings.enabled and settings.sticky_sessions):
        return {}
    return {
        "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
        "traefik.ingress.kubernetes.io/service.sticky.cookie.name": _COOKIE,
        "traefik.ingress.kubernetes.io/service.sticky.cookie.httponly": "true",
    }


def _annotations(settings: IngressSettings) -> dict[str, str]:
    annotations = {
        "nginx.ingress.kubernetes.io/proxy-read-timeout": _WEBSOCKET_SECONDS,
        "nginx.ingress.kubernetes.io/proxy-send-timeout": _WEBSOCKET_SECONDS,
        "nginx.ingress.kubernetes.io/proxy-body-size": _BODY_SIZE,
    }
    if settings.sticky_sessions:
        annotations |= {
            "nginx.ingress.kubernetes.io/affinity": "cookie",
            "nginx.ingress.kubernetes.io/session-cookie-name": _COOKIE,
        }
    if not settings.wait_for_address:
        # Without a controller nobody ever fills in the address, and `pulumi up` would wait ten minutes and fail.
        annotations["pulumi.com/skipAwait"] = "true"
    return annotations
