"""The HTTPRoute of the Gateway API, and the Gateway of the stack.

Pulumi never waits for them. The status of an HTTPRoute whose Gateway does not exist stays empty, and conditions are
per parent, so no condition of the object says that the route works. `stackctl verify` reads them.
"""

from collections.abc import Sequence
from typing import Any

import pulumi

from ..blocks.children import SKIP_AWAIT, Children
from ..blocks.custom_kinds import GATEWAY as GATEWAY_KIND
from ..blocks.custom_kinds import HTTP_ROUTE, custom_object
from .gateway_settings import GatewaySettings
from .names import GATEWAY, REDIRECT_ROUTE
from .retries import ROUTE_FILTER

HTTP_LISTENER = "http"
HTTPS_LISTENER = "https"


def gateway(
    children: Children,
    name: str,
    *,
    settings: GatewaySettings,
    hosts: Sequence[str],
    public_port: int | None,
    service: str,
    service_port: int,
    middlewares: Sequence[pulumi.Resource],
) -> None:
    """Route every path of the hosts to the Service, by an existing Gateway or by one of the stack."""
    annotations = {**SKIP_AWAIT, **settings.annotations}
    if settings.is_own:
        custom_object(
            GATEWAY,
            GATEWAY_KIND,
            metadata=children.metadata(GATEWAY, {**annotations, **settings.issuer.annotations}),
            spec={"gatewayClassName": settings.class_name, "listeners": _listeners(settings, hosts)},
            opts=children.options(),
        )
    if settings.redirects:
        custom_object(
            REDIRECT_ROUTE,
            HTTP_ROUTE,
            metadata=children.metadata(REDIRECT_ROUTE, SKIP_AWAIT),
            spec=_redirect(hosts, public_port),
            opts=children.options(),
        )
    custom_object(
        name,
        HTTP_ROUTE,
        metadata=children.metadata(name, annotations),
        spec={
            "parentRefs": _parents(settings, hosts),
            "hostnames": list(hosts),
            "rules": [_rule(settings, service, service_port)],
        },
        opts=children.options(depends_on=middlewares if settings.retry_connections else []),
    )


def _parents(settings: GatewaySettings, hosts: Sequence[str]) -> list[dict[str, str]]:
    if settings.redirects:
        return [{"name": GATEWAY, "sectionName": name} for name in _https_listeners(hosts)]
    existing = settings.parent_ref
    optional = {"namespace": existing.namespace, "sectionName": existing.section_name}
    return [{"name": existing.name or GATEWAY, **{key: value for key, value in optional.items() if value}}]


def _rule(settings: GatewaySettings, service: str, service_port: int) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": service, "port": service_port}],
    }
    if settings.retry_connections:
        rule["filters"] = [ROUTE_FILTER]
    if settings.peers.route_timeouts:
        rule["timeouts"] = {"request": f"{settings.request_timeout_seconds}s"}
    return rule


def _redirect(hosts: Sequence[str], public_port: int | None) -> dict[str, Any]:
    redirect: dict[str, Any] = {"scheme": "https", "statusCode": 301}
    if public_port:
        redirect["port"] = public_port
    return {
        "parentRefs": [{"name": GATEWAY, "sectionName": HTTP_LISTENER}],
        "hostnames": list(hosts),
        "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}],
    }


def _listeners(settings: GatewaySettings, hosts: Sequence[str]) -> list[dict[str, Any]]:
    http_port, https_port = settings.listener_ports
    plain = {"name": HTTP_LISTENER, "port": http_port, "protocol": "HTTP"}
    if not settings.tls_secret:
        return [plain]
    # cert-manager reads the names of the certificate from the listeners.
    return [
        plain,
        *(
            {
                "name": name,
                "port": https_port,
                "protocol": "HTTPS",
                "hostname": host,
                "tls": {"mode": "Terminate", "certificateRefs": [{"name": settings.tls_secret}]},
            }
            for name, host in zip(_https_listeners(hosts), hosts, strict=True)
        ),
    ]


def _https_listeners(hosts: Sequence[str]) -> list[str]:
    return [HTTPS_LISTENER if index == 0 else f"{HTTPS_LISTENER}-{index}" for index in range(len(hosts))]
