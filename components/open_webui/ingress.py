"""The Ingress, with the annotations that its controller reads."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import IngressRuleArgsDict

from ..blocks.children import SKIP_AWAIT, Children
from ..blocks.quantities import MEBIBYTE
from .ingress_settings import IngressSettings
from .retries import ingress_annotation


def ingress(
    children: Children,
    name: str,
    *,
    settings: IngressSettings,
    hosts: Sequence[str],
    file_limit: int | None,
    service: str,
    port_name: str,
    middlewares: Sequence[pulumi.Resource],
) -> k8s.networking.v1.Ingress:
    """Route every path of the hosts to the Service."""
    annotations: dict[str, pulumi.Input[str]] = {**_annotations(settings, file_limit), **settings.annotations}
    if settings.retry_connections:
        safe = settings.traefik_safe_naming
        annotations |= ingress_annotation(children, settings.annotations, safe_naming=safe)
    return k8s.networking.v1.Ingress(
        name,
        metadata=children.metadata(name, annotations),
        spec={
            **({"ingress_class_name": settings.class_name} if settings.class_name else {}),
            "rules": [_rule(host, service, port_name) for host in hosts],
            **({"tls": [{"hosts": list(hosts), "secret_name": settings.tls_secret}]} if settings.tls_secret else {}),
        },
        opts=children.options(depends_on=middlewares if settings.retry_connections else []),
    )


def service_annotations(settings: IngressSettings) -> dict[str, str]:
    """Annotations of the Service behind the Ingress, for controllers that read their cookie there."""
    if not (settings.enabled and settings.sticky_sessions):
        return {}
    return dict(settings.peers.sticky_service_annotations)


def _rule(host: str, service: str, port_name: str) -> IngressRuleArgsDict:
    return {
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


def _annotations(settings: IngressSettings, file_limit: int | None) -> dict[str, str]:
    controller = settings.peers
    annotations = {
        **controller.annotations,
        **(controller.tls_annotations if settings.tls_secret else {}),
        **{name: value.format(seconds=settings.timeout_seconds) for name, value in controller.timeouts.items()},
        **settings.issuer.annotations,
    }
    if controller.body_size:
        annotations[controller.body_size] = f"{-(-settings.body_size(file_limit) // MEBIBYTE)}m"
    if settings.redirect_to_https is not None:
        annotations |= controller.https_redirect[settings.redirect_to_https]
    if settings.sticky_sessions:
        annotations |= controller.sticky_annotations
    if not settings.wait_for_address:
        # Without a controller the address stays empty, and `pulumi up` would wait ten minutes and fail.
        annotations |= SKIP_AWAIT
    return annotations
