"""Checks of the objects of a stack. They need no running container."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from components.blocks.connection_keys import CACHE_URL, WEBSOCKET_URL
from components.open_webui import names as open_webui
from components.postgresql import names as postgresql
from components.postgresql.pooler.names import POOLER
from components.redis import names as redis

from ..deployed.backup_state import backup_state, shown
from ..deployed.check import CheckError
from ..deployed.stack import Stack, is_ready, restarts, why_not_ready

SERVICES = {
    redis.APP: redis.SERVICE,
    postgresql.APP: postgresql.SERVICE,
    POOLER: POOLER,
    open_webui.APP: open_webui.SERVICE,
}
"""Service that leads to the pods of each application."""

SECRET_KEYS = {
    (redis.CONNECTION_SECRET, CACHE_URL): "REDIS_URL",
    (redis.CONNECTION_SECRET, WEBSOCKET_URL): "WEBSOCKET_REDIS_URL",
    (postgresql.SECRET, postgresql.DATABASE_URL): "DATABASE_URL",
    (open_webui.SECRET, open_webui.SECRET_KEY): "WEBUI_SECRET_KEY",
    (open_webui.ADMIN_SECRET, open_webui.ADMIN_EMAIL): "",
    (open_webui.ADMIN_SECRET, open_webui.ADMIN_PASSWORD): "WEBUI_ADMIN_PASSWORD",
}
"""Secrets of the stack and their keys, each with the variable that may come from another Secret instead."""

SCHEMES = {redis.CONNECTION_SECRET: ("redis", "rediss"), postgresql.SECRET: ("postgresql", "postgres")}


def apps(stack: Stack) -> list[str]:
    """Applications with pods. An external server has none."""
    return _apps(stack, stack.database_cluster())


def _apps(stack: Stack, cluster: dict[str, Any] | None) -> list[str]:
    servers = {redis.APP: stack.has_redis(), postgresql.APP: stack.has_database(), POOLER: stack.has_pooler(cluster)}
    return [*(app for app, is_there in servers.items() if is_there), open_webui.APP]


def services(stack: Stack) -> list[str]:
    """Services of these applications."""
    return [SERVICES[app] for app in apps(stack)]


def pods_are_ready(stack: Stack) -> str:
    """Check that every application has its ready pods, of the present template."""
    cluster = stack.database_cluster()
    workloads = stack.workloads(cluster)
    if missing := [app for app in _apps(stack, cluster) if app not in workloads]:
        raise CheckError(f"there is no Deployment, StatefulSet or Cluster of {', '.join(missing)}")
    seen, again = [], 0
    for app, workload in workloads.items():
        pods = stack.pods(app)
        replicas, status = workload["spec"].get("replicas", 1), workload.get("status", {})
        ready = [pod for pod in pods if is_ready(pod)]
        if len(ready) < replicas:
            reasons = {f"{pod['metadata']['name']} {why_not_ready(pod)}" for pod in pods if not is_ready(pod)}
            why = f": {', '.join(sorted(reasons))}" if reasons else ": the others are not created"
            raise CheckError(f"{app}: {len(ready)} of {replicas} pods are ready{why}")
        if status.get("observedGeneration", 0) < workload["metadata"]["generation"] or (
            status.get("updatedReplicas", replicas) < replicas
        ):
            raise CheckError(f"{app}: a rollout is in progress")
        seen.append(f"{app} {len(ready)}")
        again += sum(map(restarts, pods))
    return f"{', '.join(seen)}; {again} restarts"


def secrets_are_complete(stack: Stack) -> str:
    """Check the keys of each Secret, and that its URLs name servers of this stack, a user and a password."""
    sources = stack.secret_sources()
    required = {_place(sources.get(variable, own), own): own[0] for own, variable in SECRET_KEYS.items()}
    required = {**dict.fromkeys(sources.values(), ""), **required}
    secrets = list(dict.fromkeys(name for name, _ in required))
    contents = {name: stack.secret(name) for name in secrets}
    for name in secrets:
        if missing := [key for each, key in required if each == name and not contents[name].get(key)]:
            raise CheckError(f"Secret {name} lacks {', '.join(missing)}")
    for (name, key), own in required.items():
        if own in SCHEMES and (problem := _problem_of_url(stack, contents[name][key], own)):
            raise CheckError(f"Secret {name}, {key}: {problem}")
    return ", ".join(secrets)


def _place(source: tuple[str, str], own: tuple[str, str]) -> tuple[str, str]:
    """Location of a value: the pods may read another key of the same Secret, such as the URL with time limits."""
    return own if source[0] == own[0] else source


def _problem_of_url(stack: Stack, url: str, own: str) -> str | None:
    of_redis = own == redis.CONNECTION_SECRET
    # With Sentinels the host is the name of the primary that they monitor.
    anywhere = of_redis and bool(stack.variable("REDIS_SENTINEL_HOSTS"))
    return _url_problem(
        url,
        SCHEMES[own],
        None if anywhere else stack.addresses(),
        # The stack does not configure an external server, nor its credentials.
        with_credentials=stack.has_redis() if of_redis else stack.has_database(),
    )


def _url_problem(
    text: str, schemes: tuple[str, ...], known: dict[str, str] | None, *, with_credentials: bool
) -> str | None:
    """The reason why a URL is invalid, without quoting it. ``known``: the Services; None if the host is not a
    Service."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return "not a URL"
    if url.scheme not in schemes:
        return f"not a URL of {schemes[0]}"
    if not host:
        return "the URL names no host"
    # A name with a dot is outside the namespace.
    if known is not None and "." not in host and host not in known:
        return f"there is no Service {host}"
    if with_credentials and not (url.username and url.password):
        return "the URL has no user or no password"
    return None


def no_backup_failed(stack: Stack) -> str:
    """Check that the last scheduled backup succeeded, or is still running."""
    state = backup_state(stack)
    if state is None:
        return "no backup is scheduled"
    last = (
        f"the last successful one ended at {shown(state.succeeded)}"
        if state.succeeded
        else "no backup has succeeded yet"
    )
    if state.due and state.failed:
        raise CheckError(f"the backup of {shown(state.due)} failed; {last}")
    return last


def services_lead_to_pods(stack: Stack) -> str:
    """Check that each Service has the address of at least one ready pod."""
    seen = []
    for name in services(stack):
        slices = stack.kubectl.get("endpointslices", "-l", f"kubernetes.io/service-name={name}")["items"]
        endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
        ready = [endpoint for endpoint in endpoints if _leads_to_ready_pod(endpoint.get("conditions") or {})]
        if not ready:
            raise CheckError(f"the Service {name} has no ready pod")
        seen.append(f"{name} {len(ready)}")
    return ", ".join(seen)


def _leads_to_ready_pod(conditions: Mapping[str, bool | None]) -> bool:
    """From the conditions of an endpoint (discovery.k8s.io/v1): an unknown one counts as true.

    With `publishNotReadyAddresses` every endpoint is ``ready``, and only ``serving`` says whether its pod is.
    """
    return conditions.get("ready") is not False and conditions.get("serving") is not False
