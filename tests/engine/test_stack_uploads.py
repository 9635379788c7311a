"""Uploads on a PersistentVolumeClaim that exists: the pods mount it, and the stack neither creates nor deletes one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engine.stack import Namespace, Stack, StackFactory

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


def test_the_pods_mount_the_claim_and_the_stack_leaves_it_alone(stack: Stack, live: Namespace) -> None:
    stack.up()
    claim = {
        "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    live.core.create_namespaced_persistent_volume_claim(live.name, claim)

    stack.up(*SETS)
    assert OWN not in claims(live)
    spec: Any = live.apps.read_namespaced_deployment("open-webui", live.name).spec.template.spec
    mounted = [each.persistent_volume_claim.claim_name for each in spec.volumes if each.persistent_volume_claim]
    assert mounted == [CLAIM]
    assert live.refusals() == []
    assert stack.preview(*SETS, refresh=True).changes == set()

    stack.up("openWebui.uploads.kind=pod")
    assert CLAIM in claims(live)
