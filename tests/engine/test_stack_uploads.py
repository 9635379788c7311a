"""Uploads on a PersistentVolumeClaim that exists: the pods mount it, and the stack neither creates nor deletes one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engine.stack import Namespace, Stack, StackFactory
from tests.support.servers.server_process import wait_until

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "existing-claim"
CLAIM = "chat-data"
OWN = "open-webui-uploads"
SETS = ("openWebui.uploads.kind=volume", f"openWebui.uploads.volume.existingClaim={CLAIM}")


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack("dev", f"namespace={NAMESPACE}")
    yield made
    made.sets = [f"namespace={NAMESPACE}"]
    made.destroy()


@pytest.fixture(scope="module")
def live(stack: Stack) -> Namespace:
    return Namespace(stack.cluster, NAMESPACE)


def claims(live: Namespace) -> set[str]:
    return {each.metadata.name for each in live.core.list_namespaced_persistent_volume_claim(live.name).items}


def counted_claims(live: Namespace) -> int:
    """How many the quota counts: after a deletion it is some seconds behind."""
    return int(live.core.read_namespaced_resource_quota("quota", live.name).status.used["persistentvolumeclaims"])


def make_claim(live: Namespace, access_mode: str) -> None:
    """The PVC of the operator, in place of the one that exists."""
    if CLAIM in claims(live):
        live.core.delete_namespaced_persistent_volume_claim(CLAIM, live.name)
        wait_until(lambda: CLAIM not in claims(live), "the PVC is deleted", 30)
        wait_until(lambda: counted_claims(live) == len(claims(live)), "the quota no longer counts the PVC", 60)
    spec = {"accessModes": [access_mode], "resources": {"requests": {"storage": "1Gi"}}}
    live.core.create_namespaced_persistent_volume_claim(live.name, {"metadata": {"name": CLAIM}, "spec": spec})


def test_before_the_namespace_exists_a_preview_warns(stack: Stack) -> None:
    text = "\n".join(stack.preview(*SETS).text)
    assert f"the namespace {NAMESPACE} does not exist yet, nor does the PersistentVolumeClaim {CLAIM}" in text


def test_what_the_cluster_lacks_is_refused_in_one_report(stack: Stack, live: Namespace) -> None:
    stack.up()
    before = live.identities()
    missing = (
        *SETS,
        "existingSecrets.LICENSE_KEY.name=search",
        "existingSecrets.LICENSE_KEY.key=client",
        "monitoring.enabled=true",
        "monitoring.operator=true",
    )
    for command in (stack.preview, stack.up):
        run = command(*missing, fails=True)
        assert "has 3 problems; nothing was changed" in run.error
        assert "\nmonitoring.operator: the cluster of" in run.error
        assert f"\nexistingSecrets.LICENSE_KEY: there is no Secret search in namespace {NAMESPACE}" in run.error
        path = "openWebui.uploads.volume.existingClaim"
        assert f"\n{path}: there is no PersistentVolumeClaim {CLAIM} in namespace {NAMESPACE} of" in run.error
        assert f"pulumi config set --path {path} <name>" in run.error
        assert run.registered <= {"Stack open-webui-stack-dev"}
    assert live.identities() == before


def test_a_claim_for_one_pod_is_refused_and_one_for_a_node_is_a_warning(stack: Stack, live: Namespace) -> None:
    make_claim(live, "ReadWriteOncePod")
    assert "is ReadWriteOncePod: a rolling update starts a second pod" in stack.preview(*SETS, fails=True).error
    make_claim(live, "ReadWriteOnce")
    text = "\n".join(stack.preview(*SETS).text)
    assert f"the PersistentVolumeClaim {CLAIM} of openWebui.uploads.volume.existingClaim is ReadWriteOnce: " in text


def test_the_pods_mount_the_claim_and_the_stack_leaves_it_alone(stack: Stack, live: Namespace) -> None:
    make_claim(live, "ReadWriteMany")
    stack.up(*SETS)
    assert OWN not in claims(live)
    spec: Any = live.apps.read_namespaced_deployment("open-webui", live.name).spec.template.spec
    mounted = [each.persistent_volume_claim.claim_name for each in spec.volumes if each.persistent_volume_claim]
    assert mounted == [CLAIM]
    assert live.refusals() == []
    assert stack.preview(*SETS, refresh=True).changes == set()

    stack.up("openWebui.uploads.kind=pod")
    assert CLAIM in claims(live)
