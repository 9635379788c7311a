"""Two environments in one cluster, the protection of one of them, and what is left when it is taken down."""

import pytest

from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

PROTECTED = {
    "Namespace namespace",
    "PersistentVolumeClaim postgres-data",
    "PersistentVolumeClaim open-webui-uploads",
    "PersistentVolumeClaim postgres-backups",
    "RandomPassword postgresql-password-1",
    "RandomPassword postgresql-backup-password-1",
    "RandomPassword postgresql-client-password-1",
    "Stash openwebui-encryption-key",
}


@pytest.fixture(scope="module")
def prod(new_stack: StackFactory) -> Stack:
    """`prod` in a namespace of its own, beside the base."""
    stack = new_stack("prod", "namespace=rag-prod")
    stack.up()
    return stack


@pytest.fixture(scope="module")
def prod_live(prod: Stack) -> Namespace:
    namespace = Namespace(prod.cluster, "rag-prod")
    namespace.wait_until_available("open-webui", 3)
    return namespace


def test_two_environments_live_side_by_side(base: Stack, live: Namespace, prod: Stack, prod_live: Namespace) -> None:
    assert base.preview(refresh=True).changes == set()
    assert prod.preview(refresh=True).changes == set()
    assert live.pods("open-webui")
    assert len(prod_live.pods("open-webui")) == 3
    assert all(prod.outputs()[key] != value for key, value in base.outputs().items() if key != "admin_email")
    for name, contents in prod_live.secrets().items():
        shared = contents.items() & live.secret(name).items()
        assert shared <= {("email", "admin@example.com")}, "passwords are shared"


def test_prod_differs_by_config_alone(prod: Stack, prod_live: Namespace) -> None:
    kinds = {item["kind"] for item in prod_live.objects()}
    assert {"Ingress", "HorizontalPodAutoscaler"} <= kinds
    assert prod.outputs()["webui_url"] == "https://chat.example.com"
    assert prod_live.refusals() == []
    assert {name for name, resource in prod.resources().items() if resource.get("protect")} == PROTECTED


def test_the_number_that_the_autoscaler_chose_survives_an_update(prod: Stack, prod_live: Namespace) -> None:
    assert len(prod_live.pods("open-webui")) == 3, "the stack starts with the autoscaler's fewest replicas"
    prod_live.apps.patch_namespaced_deployment_scale("open-webui", prod_live.name, {"spec": {"replicas": 4}})
    prod_live.wait_until_available("open-webui", 4)
    assert prod.preview(refresh=True).changes == set()
    changes = prod.keep("openWebui.env.ENABLE_COMMUNITY_SHARING=false").changes
    assert changes == {"update Deployment open-webui", *PREFLIGHT_AGAIN}
    assert prod_live.apps.read_namespaced_deployment("open-webui", prod_live.name).spec.replicas == 4


def test_what_is_protected_is_refused_deletion_until_it_is_released(
    live: Namespace, prod: Stack, prod_live: Namespace
) -> None:
    before, others, state = prod_live.identities(), live.identities(), set(prod.resources())
    volumes = claimed_volumes(prod_live)
    assert len(volumes) == 3

    refused = prod.destroy(fails=True).error
    assert "protect" in refused
    # The engine may stop at the first of them.
    assert any(f"::{resource.partition(' ')[2]}" in refused for resource in PROTECTED)
    assert prod_live.identities() == before
    assert set(prod.resources()) == state

    assert prod.keep("protect=false").changes == set()
    deleted = prod.destroy().changes
    assert {f"delete {resource}" for resource in PROTECTED} <= deleted
    assert {change.partition(" ")[0] for change in deleted} == {"delete"}
    assert prod.resources() == {}
    assert not prod_live.exists()
    assert phases(prod_live, volumes) == dict.fromkeys(volumes, "Released")
    assert live.identities() == others, "the other environment was touched"


def test_nothing_but_the_volume_is_left_of_dev(new_stack: StackFactory) -> None:
    stack = new_stack("dev", "namespace=short-lived")
    namespace = Namespace(stack.cluster, "short-lived")
    cluster_wide = outside_namespaces(namespace)
    stack.up()
    (volume,) = claimed_volumes(namespace)
    assert phases(namespace, {volume}) == {volume: "Bound"}

    stack.destroy()

    assert not namespace.exists()
    assert stack.resources() == {}
    assert phases(namespace, {volume}) == {volume: "Released"}
    assert outside_namespaces(namespace) == cluster_wide


def claimed_volumes(namespace: Namespace) -> set[str]:
    """Names of the volumes that the namespace's PVCs are bound to."""
    claims = namespace.core.list_namespaced_persistent_volume_claim(namespace.name).items
    return {claim.spec.volume_name for claim in claims}


def phases(namespace: Namespace, volumes: set[str]) -> dict[str, str]:
    """Phases of volumes by their names."""
    return {name: namespace.core.read_persistent_volume(name).status.phase for name in volumes}


def outside_namespaces(namespace: Namespace) -> set[tuple[str, str]]:
    """Kind and name of every object of the cluster that is in no namespace."""
    return {
        (kind.kind, item.metadata.name)
        for kind in namespace.dynamic.resources.search()
        if not kind.namespaced and "list" in (kind.verbs or []) and not kind.kind.endswith("List")
        for item in namespace.dynamic.get(kind).items
    }
