"""Custom kinds on a cluster without and with their definitions: refused before anything changes, or deployed."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.blocks.custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR
from devcluster.clusters.choice import Cluster
from tests.support.engine.definitions import defined
from tests.support.engine.stack import Namespace, Stack, StackFactory
from tests.support.engine.unreachable_cluster import unreachable

pytest_plugins = ("tests.support.engine.stack_fixtures",)

OPERATOR = ("monitoring.enabled=true", "monitoring.operator=true")
CLOUDNATIVE_PG = ("postgresql.topology=cloudnative-pg", "postgresql.resources.limits.memory=3Gi")
GATEWAY = (
    "openWebui.host=chat.example.com",
    "openWebui.gateway.enabled=true",
    "openWebui.gateway.className=traefik",
)


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack("dev", "namespace=watched", "redis.maxmemory=64mb")
    yield made
    made.destroy()


@pytest.mark.parametrize(
    ("sets", "key", "kind"),
    [
        (OPERATOR, "monitoring.operator", "ServiceMonitor (monitoring.coreos.com/v1), PrometheusRule"),
        (("redis.tls.issuer.name=ca",), "redis.tls.issuer.name", "Certificate (cert-manager.io/v1)"),
        (("openWebui.ingress.controller=cilium",), "openWebui.ingress.controller", "CiliumNetworkPolicy"),
        (CLOUDNATIVE_PG, "postgresql.topology", "Cluster (postgresql.cnpg.io/v1), Database (postgresql.cnpg.io/v1)"),
        (
            (*CLOUDNATIVE_PG, "postgresql.pooler.enabled=true"),
            "postgresql.pooler.enabled",
            "Pooler (postgresql.cnpg.io/v1)",
        ),
        (GATEWAY, "openWebui.gateway.enabled", "HTTPRoute (gateway.networking.k8s.io/v1), Gateway"),
    ],
    ids=["operator", "issuer", "cilium", "cloudnative-pg", "pooler", "gateway"],
)
def test_a_kind_that_is_not_served_is_refused_before_anything_is_registered(
    stack: Stack, sets: tuple[str, ...], key: str, kind: str
) -> None:
    for command in (stack.preview, stack.up):
        run = command(*sets, fails=True)
        assert f"\n{key}: the cluster of context {stack.cluster.context} does not serve {kind}" in run.error
        assert f"pulumi config {'rm' if 'issuer' in key else 'set'} --path {key}" in run.error
        assert run.registered <= {"Stack open-webui-stack-dev"}
    assert not Namespace(stack.cluster, "watched").exists()


def test_a_cluster_that_cannot_be_asked_has_a_preview(stack: Stack, cluster: Cluster, tmp_path: Any) -> None:
    """The preview is the one without custom kinds; a warning says that the cluster was not asked."""
    stack.use(unreachable(cluster, tmp_path))
    run = stack.preview(*OPERATOR)
    assert {"create ServiceMonitor redis-monitor", "create ServiceMonitor postgres-monitor"} <= run.changes
    assert any("not checked whether the cluster serves" in text for text in run.text)
    stack.use(cluster)


@pytest.fixture
def definitions(cluster: Cluster) -> Iterator[None]:
    """The definitions of the operator's kinds, as far as an object needs them."""
    with defined(cluster, (SERVICE_MONITOR, PROMETHEUS_RULE)):
        yield


@pytest.mark.usefixtures("definitions")
def test_kinds_that_are_served_are_deployed(stack: Stack) -> None:
    run = stack.up(*OPERATOR)
    for server in ("redis", "postgres"):
        assert {f"create ServiceMonitor {server}-monitor", f"create PrometheusRule {server}-alerts"} <= run.changes
    stack.destroy()
