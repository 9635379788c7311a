"""An update that refreshes first reverts manual changes in the cluster."""

from tests.support.engine.stack import Namespace, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)


def test_hand_edits_are_put_right_without_a_conflict(base: Stack, live: Namespace) -> None:
    conf = live.core.read_namespaced_config_map("redis-conf", live.name).data
    identities = live.identities()
    live.apps.patch_namespaced_deployment_scale(
        "open-webui", live.name, {"spec": {"replicas": 3}}, field_manager="kubectl"
    )
    live.core.patch_namespaced_config_map(
        "redis-conf", live.name, {"data": {"redis.conf": "maxmemory 1"}}, field_manager="kubectl-edit"
    )
    live.core.delete_namespaced_service("redis-service", live.name)

    run = base.up(refresh=True)

    assert live.apps.read_namespaced_deployment("open-webui", live.name).spec.replicas == 2
    assert live.core.read_namespaced_config_map("redis-conf", live.name).data == conf
    assert live.core.read_namespaced_service("redis-service", live.name).spec.ports[0].port == 6379
    changed = {name for name, uid in live.identities().items() if uid != identities[name]}
    assert changed == {"Service redis-service"}
    assert {
        "update Deployment open-webui",
        "update ConfigMap redis-conf",
        "create Service redis-service",
    } <= run.changes
    assert base.up(refresh=True).changes == set()
