"""Check of the exposure: the status of the route, the Gateway and the load balancer."""

from collections.abc import Iterator, Mapping
from typing import Any

from .check import CheckError
from .stack import PART_OF, Stack

_GROUP = "gateway.networking.k8s.io"


def exposure_is_accepted(stack: Stack) -> str:
    """Check that a Gateway has accepted each HTTPRoute, and that a load balancer has an address.

    An Ingress is not checked: a controller may serve one without reporting an address.
    """
    accepted: list[str] = []
    for route in _objects(stack, "httproutes"):
        accepted += _parents(route)
    for gateway in _objects(stack, "gateways"):
        name = f"Gateway {gateway['metadata']['name']}"
        _require(name, gateway.get("status", {}).get("conditions") or [], "Accepted", "Programmed")
    for service in stack.kubectl.get("services", "-l", PART_OF)["items"]:
        if service["spec"].get("type") == "LoadBalancer":
            accepted.append(_address(service))
    return ", ".join(accepted) or "there is no HTTPRoute and no load balancer"


def _objects(stack: Stack, kind: str) -> list[Mapping[str, Any]]:
    served = stack.kubectl.run("api-resources", f"--api-group={_GROUP}", "--output=name").split()
    if f"{kind}.{_GROUP}" not in served:
        return []
    return list(stack.kubectl.get(f"{kind}.{_GROUP}", "-l", PART_OF)["items"])


def _parents(route: Mapping[str, Any]) -> Iterator[str]:
    name = f"HTTPRoute {route['metadata']['name']}"
    reported = (route.get("status") or {}).get("parents") or []
    for requested in route["spec"]["parentRefs"]:
        section = f", listener {requested['sectionName']}" if "sectionName" in requested else ""
        parent = f"Gateway {requested['name']}{section}"
        statuses = [each for each in reported if _is_same(each["parentRef"], requested)]
        if not statuses:
            raise CheckError(f"{name}: no controller has accepted it for {parent}, which may not exist")
        for status in statuses:
            _require(f"{name} for {parent}", status["conditions"], "Accepted", "ResolvedRefs")
        yield f"{name} by {parent}"


def _is_same(reported: Mapping[str, Any], requested: Mapping[str, Any]) -> bool:
    # The controller may add the defaults that the route leaves out.
    return all(reported.get(key) == value for key, value in requested.items())


def _require(name: str, conditions: list[Mapping[str, Any]], *types: str) -> None:
    by_type = {each["type"]: each for each in conditions}
    for kind in types:
        condition = by_type.get(kind)
        if condition is None or condition["status"] != "True":
            reason = f"{condition.get('reason', '')} {condition.get('message', '')}".strip() if condition else "not set"
            raise CheckError(f"{name}: {kind} is not True: {reason}")


def _address(service: Mapping[str, Any]) -> str:
    name = f"Service {service['metadata']['name']}"
    addresses = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if not addresses:
        raise CheckError(f"{name} has no address: does the cluster have a controller for load balancers?")
    return f"{name} at {', '.join(each.get('hostname') or each.get('ip', '') for each in addresses)}"
