"""Kinds of exposure on an API server with the Gateway API: what is refused, what an update waits for and changes."""

import json
import threading
import time
from collections.abc import Iterator

import pytest

from devcluster.clusters.choice import Cluster
from stackctl.deployed.kubectl import Kubectl
from tests.support.engine.gateway_api import GATEWAYS, existing_gateway, gateway_api
from tests.support.engine.stack import Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAME = "exposed"
HOST = ("openWebui.host=chat.example.com", "openWebui.publicScheme=https")
INGRESS = (*HOST, "openWebui.ingress.enabled=true", "openWebui.ingress.className=traefik")
GATEWAY = (*HOST, "openWebui.gateway.enabled=true")
EXISTING = (*GATEWAY, "openWebui.gateway.controller=traefik", f"openWebui.gateway.parentRef.namespace={GATEWAYS}")
OWN = (*GATEWAY, "openWebui.gateway.className=traefik", "openWebui.gateway.tlsSecretName=tls")
BALANCED = (
    *HOST,
    "openWebui.loadBalancer.enabled=true",
    "openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24",
)
AWAIT_SECONDS = 600
"""How long Pulumi waits for an object that never gets ready."""


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Iterator[Kubectl]:
    """The Gateway API, with a Gateway that admits every namespace and one that admits its own."""
    with gateway_api(cluster) as kubectl:
        kubectl.apply(existing_gateway("public", allowedRoutes={"namespaces": {"from": "All"}}))
        kubectl.apply(existing_gateway("private"))
        yield kubectl


@pytest.fixture(scope="module")
def stack(served: Kubectl, new_stack: StackFactory) -> Iterator[Stack]:
    """A stack with an Ingress."""
    assert served.get("gateway", "public")
    made = new_stack("dev", f"namespace={NAME}", "redis.maxmemory=64mb")
    made.up(*INGRESS)
    yield made
    made.destroy()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", f"there is no Gateway missing in namespace {GATEWAYS}: nothing would serve chat.example.com"),
        ("private", "the listeners of the Gateway private admit no HTTPRoute of the stack's namespace"),
    ],
)
def test_a_gateway_that_cannot_serve_the_route_is_refused_before_anything_changes(
    stack: Stack, name: str, message: str
) -> None:
    for command in (stack.preview, stack.up):
        run = command(*EXISTING, f"openWebui.gateway.parentRef.name={name}", fails=True)
        assert f"openWebui.gateway.parentRef.name: {message}" in run.error
        assert run.changes == set()


def test_an_update_changes_the_kind_and_nothing_else_and_waits_for_no_controller(
    stack: Stack, served: Kubectl, cluster: Cluster
) -> None:
    """No controller serves the Gateway: the status of the route stays empty."""
    pods = {pod.metadata.uid for pod in Namespace(cluster, NAME).pods("open-webui")}
    started = time.monotonic()
    run = stack.up(*EXISTING, "openWebui.gateway.parentRef.name=public")
    assert time.monotonic() - started < AWAIT_SECONDS / 2
    # Traefik connects from the same namespace in both cases.
    assert run.changes == {"create HTTPRoute open-webui", "delete Ingress open-webui"}
    route = served.get("httproute", "open-webui", "-n", NAME)
    assert not (route.get("status") or {}).get("parents")
    assert stack.preview(*EXISTING, "openWebui.gateway.parentRef.name=public", refresh=True).changes == set()
    assert {pod.metadata.uid for pod in Namespace(cluster, NAME).pods("open-webui")} == pods


def test_a_gateway_of_the_stack_is_accepted_by_the_api_server(stack: Stack, served: Kubectl) -> None:
    run = stack.up(*OWN, "openWebui.additionalHosts[0]=chat.example.org")
    assert {"create Gateway open-webui", "create HTTPRoute open-webui-redirect", "update HTTPRoute open-webui"} <= (
        run.changes
    )
    listeners = served.get("gateway", "open-webui", "-n", NAME)["spec"]["listeners"]
    assert [each["name"] for each in listeners] == ["http", "https", "https-1"]
    assert stack.preview(*OWN, "openWebui.additionalHosts[0]=chat.example.org", refresh=True).changes == set()
    one_host = stack.up(*OWN).changes
    assert "update Gateway open-webui" in one_host


def test_a_load_balancer_leaves_the_service_inside_the_cluster_as_it_is(
    stack: Stack, served: Kubectl, cluster: Cluster
) -> None:
    """No load balancer controller is there: the update does not wait for an address."""
    inside = served.get("service", "open-webui", "-n", NAME)["metadata"]["resourceVersion"]
    run = stack.up(*BALANCED)
    assert run.changes == {
        "create Service open-webui-load-balancer",
        "update NetworkPolicy open-webui",
        "update ResourceQuota quota",
        "delete Gateway open-webui",
        "delete HTTPRoute open-webui",
        "delete HTTPRoute open-webui-redirect",
    }
    assert served.get("service", "open-webui", "-n", NAME)["metadata"]["resourceVersion"] == inside
    replaced = stack.preview(*BALANCED, "openWebui.loadBalancer.className=example.com/other").changes
    assert replaced == {
        "delete-replaced Service open-webui-load-balancer",
        "create-replacement Service open-webui-load-balancer",
    }
    assert Namespace(cluster, NAME).refusals() == []


def test_an_update_that_waits_for_the_address_ends_when_there_is_one(stack: Stack, served: Kubectl) -> None:
    service = ["service", "open-webui-load-balancer", "-n", NAME]
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
    patched: list[float] = []

    def give_an_address() -> None:
        time.sleep(15)
        served.run("patch", *service, "--subresource=status", "--type=merge", f"--patch={json.dumps(address)}")
        patched.append(time.monotonic())

    controller = threading.Thread(target=give_an_address)
    controller.start()
    run = stack.up(*BALANCED, "openWebui.loadBalancer.waitForAddress=true")
    ended = time.monotonic()
    controller.join()
    assert run.changes == {"update Service open-webui-load-balancer"}
    assert patched
    assert patched[0] < ended, "the update did not wait for the address"
