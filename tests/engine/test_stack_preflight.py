"""An update that cannot finish leaves the old web pods alone: the preflight fails first, by the real engine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from components.open_webui import component
from components.open_webui.names import PREFLIGHT
from components.open_webui.startup_scripts import config_map_name, startup_scripts
from tests.support.engine.stack import Namespace, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)

REASON = "preflight: The database is at revision cccc, which Open WebUI does not know."
REPLACED_JOB = {f"delete-replaced Job {PREFLIGHT}", f"create-replacement Job {PREFLIGHT}"}
REPLACED_DEPLOYMENT = {"delete-replaced Deployment open-webui", "create-replacement Deployment open-webui"}


@contextmanager
def refusing(namespace: Namespace) -> Iterator[None]:
    """While this lasts, the pods of the preflight end as the kubelet reports a container that refuses.

    The simulated nodes would let them succeed, so none of them takes new pods.
    """
    nodes = [node.metadata.name for node in namespace.core.list_node().items]
    ended, thread = threading.Event(), None

    def follow() -> None:
        while not ended.wait(0.2):
            for pod in namespace.pods(PREFLIGHT):
                if pod.status.phase == "Pending":
                    namespace.core.patch_namespaced_pod_status(pod.metadata.name, namespace.name, _refusal())

    try:
        for node in nodes:
            namespace.core.patch_node(node, {"spec": {"unschedulable": True}})
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        yield
    finally:
        ended.set()
        if thread:
            thread.join()
        for node in nodes:
            namespace.core.patch_node(node, {"spec": {"unschedulable": False}})


def _refusal() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    terminated = {"exitCode": 1, "reason": "Error", "message": f"{REASON}\n", "startedAt": now, "finishedAt": now}
    container = {"name": "preflight", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": "False", "reason": "PodFailed"},
    ]
    statuses = [{**container, "state": {"terminated": terminated}}]
    return {"status": {"phase": "Failed", "conditions": conditions, "containerStatuses": statuses}}


def web_pods(namespace: Namespace) -> set[tuple[str, str]]:
    """The web pods and the Deployment's generation: any change to either shows here."""
    deployment = namespace.apps.read_namespaced_deployment("open-webui", namespace.name)
    pods = {(pod.metadata.name, pod.metadata.uid) for pod in namespace.pods("open-webui")}
    return pods | {(str(deployment.metadata.generation), deployment.metadata.uid)}


def next_version(namespace: Namespace) -> str:
    before = namespace.pods("open-webui")[0].metadata.labels["app.kubernetes.io/version"]
    release, _, patch = before.rpartition(".")
    return f"{release}.{int(patch) + 1}"


def test_a_refused_upgrade_leaves_the_old_pods_and_the_next_update_tries_again(base: Stack, live: Namespace) -> None:
    version = f"openWebui.version={next_version(live)}"
    serving = web_pods(live)

    with refusing(live):
        refused = base.up(version, fails=True)

    assert REASON in refused.error
    assert "[BackoffLimitExceeded]" in refused.error
    assert {step for step in refused.changes if "Deployment" in step} == set()
    assert web_pods(live) == serving

    # Back to the old version, before anything is fixed: the Job alone.
    assert base.up().changes == REPLACED_JOB
    assert web_pods(live) == serving
    assert base.up().changes == set()

    with refusing(live):
        base.up(version, fails=True)
    # The same again, once its cause is gone: nothing has to be done to the Job.
    changes = REPLACED_JOB | REPLACED_DEPLOYMENT | {"update Stash open-webui-release"}
    assert base.preview(version).changes == changes
    assert base.keep(version).changes == changes
    assert web_pods(live) & serving == set()
    assert base.up().changes == set()


def test_a_refused_change_of_the_configuration_leaves_the_old_pods(base: Stack, live: Namespace) -> None:
    serving = web_pods(live)
    with refusing(live):
        refused = base.up("openWebui.logLevel=WARNING", fails=True)
    assert REASON in refused.error
    assert web_pods(live) == serving
    assert base.up().changes == REPLACED_JOB


def test_an_update_with_other_scripts_that_is_refused_can_be_taken_back(base: Stack, live: Namespace) -> None:
    """The old pods still need their own ConfigMap, and the next update must not make it a second time."""
    serving, own = web_pods(live), f"ConfigMap {config_map_name(startup_scripts())}"
    uid = live.identities()[own]

    with pytest.MonkeyPatch.context() as patch, refusing(live):
        patch.setattr(component, "startup_scripts", lambda: {**startup_scripts(), "further.py": ""})
        refused = base.up(fails=True)
    assert REASON in refused.error
    assert live.identities()[own] == uid

    base.up()
    assert live.identities()[own] == uid
    assert {name for name in live.identities() if name.startswith("ConfigMap open-webui-startup")} == {own}
    assert web_pods(live) == serving
    assert base.up().changes == set()


def test_a_refused_update_leaves_what_is_remembered_of_the_documents(base: Stack, live: Namespace) -> None:
    """Or the value that the preflight asks for would be refused by the preview."""
    stash = str(base.resources()["Stash open-webui-vectors"]["urn"])
    with refusing(live):
        # As on a stack from before there was such a record: nothing is compared.
        refused = base.up("openWebui.documents.dimensions=2000", fails=True, replace=[stash])
    assert REASON in refused.error
    base.up()
    assert base.up().changes == set()


def test_a_finished_preflight_is_no_drift(base: Stack) -> None:
    assert base.refresh().changes == set()
    assert base.up().changes == set()
