"""A real Traefik reads the Ingress, the HTTPRoute and the Middleware that the stack created in the API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devcluster.clusters.choice import Cluster
from tests.support.engine.gateway_api import gateway_api
from tests.support.engine.stack import Stack, StackFactory
from tests.support.engine.traefik_kinds import CLASS, traefik_kinds
from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import wait_until
from tests.support.servers.traefik import Traefik, traefik

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAME = "retried"
MIDDLEWARE = "open-webui-retry"
INGRESS = ("openWebui.ingress.enabled=true", f"openWebui.ingress.className={CLASS}")
GATEWAY = ("openWebui.gateway.enabled=true", f"openWebui.gateway.className={CLASS}")
RETRIES = ("openWebui.ingress.retryConnections=true", "openWebui.gateway.retryConnections=true")
PROVIDERS = ("--providers.kubernetesIngress", "--providers.kubernetesGateway")
DEFINITIONS = "--providers.kubernetesCRD"
ON_INGRESS, ON_GATEWAY = "@kubernetes", "@kubernetesgateway"


@pytest.fixture(scope="module")
def port() -> int:
    """Of the entry point, which is also that of the Gateway's listener."""
    return free_port()


@pytest.fixture(scope="module")
def stack(cluster: Cluster, new_stack: StackFactory, port: int) -> Iterator[Stack]:
    """A stack with an Ingress and a Gateway for Traefik, and retries for both."""
    with gateway_api(cluster):
        host = ("openWebui.host=chat.example.com", f"openWebui.gateway.httpPort={port}")
        made = new_stack("dev", f"namespace={NAME}", "redis.maxmemory=64mb", *host, *INGRESS, *GATEWAY, *RETRIES)
        refused = made.preview(fails=True)
        for key in ("ingress", "gateway"):
            assert f"\nopenWebui.{key}.retryConnections: the cluster of context" in refused.error
        assert "does not serve Middleware (traefik.io/v1alpha1)" in refused.error
        with traefik_kinds(cluster):
            run = made.up()
            assert f"create Middleware {MIDDLEWARE}" in run.changes
            yield made
            made.destroy()


@pytest.fixture
def kubeconfig(cluster: Cluster) -> dict[str, str]:
    """The variable by which Traefik finds the cluster."""
    return {"KUBECONFIG": str(cluster.kubeconfig)}


@contextmanager
def reading(directory: Path, kubeconfig: dict[str, str], port: int, *arguments: str) -> Iterator[Traefik]:
    """Traefik with the providers of Ingress and Gateway API, and further arguments."""
    options: dict[str, Any] = {"router": ON_INGRESS, "port": port, "environment": kubeconfig}
    with traefik(directory, *PROVIDERS, *arguments, **options) as proxy:
        yield proxy


def router_of(proxy: Traefik, provider: str) -> dict[str, Any]:
    """The router of the stack by that provider; empty until there is one."""
    return next((each for name, each in proxy.routers().items() if name.endswith(provider)), {})


def test_the_routers_of_both_kinds_retry(stack: Stack, kubeconfig: dict[str, str], port: int, tmp_path: Path) -> None:
    assert stack.preview(refresh=True).changes == set()
    with reading(tmp_path, kubeconfig, port, DEFINITIONS) as proxy:
        for provider in (ON_INGRESS, ON_GATEWAY):
            wait_until(lambda p=provider: router_of(proxy, p).get("status") == "enabled", f"a router {provider}")  # type: ignore[misc]
        assert router_of(proxy, ON_INGRESS)["middlewares"] == [f"{NAME}-{MIDDLEWARE}@kubernetescrd"]
        assert len(router_of(proxy, ON_GATEWAY)["middlewares"]) == 1
        for provider in (ON_INGRESS, ON_GATEWAY):
            [name] = router_of(proxy, provider)["middlewares"]
            read = proxy.middleware(name)
            assert (read["status"], read["type"]) == ("enabled", "retry")
            assert read["retry"]["attempts"] == 10
            # Nothing is repeated because of its status, or because its method is not idempotent.
            assert not read["retry"].get("status")
            assert not read["retry"].get("retryNonIdempotentMethod")


def test_with_safe_naming_the_ingress_needs_the_other_name(
    stack: Stack, kubeconfig: dict[str, str], port: int, tmp_path: Path
) -> None:
    with reading(tmp_path, kubeconfig, port, DEFINITIONS, f"{DEFINITIONS}.safeNaming=true") as proxy:
        wait_until(lambda: router_of(proxy, ON_GATEWAY).get("status") == "enabled", "the router of the Gateway")
        assert router_of(proxy, ON_INGRESS)["status"] == "disabled"
        run = stack.up("openWebui.ingress.traefikSafeNaming=true")
        assert run.changes == {"update Ingress open-webui"}
        wait_until(lambda: router_of(proxy, ON_INGRESS).get("status") == "enabled", "the router of the Ingress")
        assert router_of(proxy, ON_INGRESS)["middlewares"] == [f"{NAME}_{MIDDLEWARE}@kubernetescrd"]
    stack.up()


def test_without_the_provider_of_the_definitions_nothing_is_served(
    stack: Stack, kubeconfig: dict[str, str], port: int, tmp_path: Path
) -> None:
    """Why the key is off by default: the cluster serves the kind, and the stack cannot see what Traefik reads."""
    assert stack.sets
    with reading(tmp_path, kubeconfig, port) as proxy:
        assert router_of(proxy, ON_INGRESS)["status"] == "disabled"
        assert "does not exist" in " ".join(router_of(proxy, ON_INGRESS)["error"])
