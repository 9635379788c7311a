"""Checks that the existing Gateway of the config can serve the stack's route, before anything is registered.

Pulumi does not wait for an HTTPRoute: the status of one whose Gateway does not exist stays empty for ever, and an
update would succeed with nothing that serves the host.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.blocks.custom_kinds import HTTP_ROUTE
from components.blocks.finding import Finding, fix_command
from components.open_webui.settings import OpenWebUISettings

from .cluster_questions import Ask, NotFoundError, Question
from .served_kinds import is_served

_KEY = "openWebui.gateway.parentRef"
_ROUTED = ("HTTP", "HTTPS")
"""Protocols of listeners that take an HTTPRoute."""


def gateway_question(web: OpenWebUISettings, namespace: str, ask: Ask) -> Question:
    """Whether the Gateway of `openWebui.gateway.parentRef` takes the route. Reading it needs a permission.

    Args:
        web: settings of Open WebUI, with an existing Gateway.
        namespace: the stack's.
        ask: sends a GET to the API server.
    """
    return Question(
        about=f"whether the Gateway of {_KEY} takes the route",
        findings=lambda: gateway_findings(web, namespace, ask),
    )


def gateway_findings(web: OpenWebUISettings, namespace: str, ask: Ask) -> Iterator[Finding]:
    """Why the Gateway does not take the route; nothing if it does.

    Args:
        web: settings of Open WebUI, with an existing Gateway.
        namespace: the stack's.
        ask: sends a GET to the API server.
    """
    parent = web.gateway.parent_ref
    of_gateway = parent.namespace or namespace
    try:
        gateway = ask(f"/apis/gateway.networking.k8s.io/v1/namespaces/{of_gateway}/gateways/{parent.name}")
    except NotFoundError:
        if not is_served(HTTP_ROUTE, ask):
            return  # nor are there Gateways: the report names the kinds
        yield _finding(
            "name",
            str(parent.name),
            f"there is no Gateway {parent.name} in namespace {of_gateway}: nothing would serve {web.host}",
            "an existing Gateway (list them: kubectl get gateways --all-namespaces)",
            "<gateway>",
        )
        return
    listeners = gateway["spec"]["listeners"]
    named = [each for each in listeners if parent.section_name in (None, each["name"])]
    if not named:
        names = ", ".join(each["name"] for each in listeners)
        message = f"the Gateway {parent.name} has no listener {parent.section_name}"
        yield _finding("sectionName", str(parent.section_name), message, names, listeners[0]["name"])
        return
    yield from _refusals(web, named, own_namespace=of_gateway == namespace)


def _refusals(
    web: OpenWebUISettings, listeners: Sequence[Mapping[str, Any]], *, own_namespace: bool
) -> Iterator[Finding]:
    name = str(web.gateway.parent_ref.name)
    admitting = [each for each in listeners if _admits(each, own_namespace=own_namespace)]
    if not admitting:
        yield _finding(
            "name",
            name,
            f"the listeners of the Gateway {name} admit no HTTPRoute of the stack's namespace",
            "a Gateway with a listener of protocol HTTP or HTTPS whose allowedRoutes.namespaces.from is All, or "
            "Selector with the namespace's labels",
            "<gateway>",
        )
        return
    missing = [host for host in web.hosts if not any(_fits(each.get("hostname"), host) for each in admitting)]
    if missing:
        yield _finding(
            "name",
            name,
            f"no listener of the Gateway {name} is for {', '.join(missing)}",
            "a Gateway with a listener for these hosts, or without a hostname",
            "<gateway>",
        )


def _admits(listener: Mapping[str, Any], *, own_namespace: bool) -> bool:
    # A selector needs the namespace's labels, which the cluster's administrator may add: not refused here.
    source = ((listener.get("allowedRoutes") or {}).get("namespaces") or {}).get("from", "Same")
    return listener["protocol"] in _ROUTED and (source in ("All", "Selector") or (source == "Same" and own_namespace))


def _fits(hostname: str | None, host: str) -> bool:
    if not hostname or hostname == host:
        return True
    return hostname.startswith("*.") and host.endswith(hostname[1:])


def _finding(key: str, value: str, message: str, allowed: str, fix: str) -> Finding:
    path = f"{_KEY}.{key}"
    return Finding(key=path, value=value, message=message, allowed=allowed, commands=(fix_command(path, fix),))
