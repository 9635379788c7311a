"""When objects count as ready, and what is said until then."""

from typing import Any

import pytest

from emulators.readiness import (
    REVISION,
    claim_progress,
    deployment_progress,
    ingress_progress,
    job_progress,
    quota_progress,
    service_progress,
    stateful_set_progress,
)

TARGETLESS = (
    "Service does not target any Pods. Selected Pods may not be ready, or "
    "field '.spec.selector' may not match labels on any Pods"
)


def deployment(revision: str = "1", available: str = "True", progressing: str = "NewReplicaSetAvailable") -> Any:
    return {
        "metadata": {"name": "web", "uid": "d", "generation": 2, "annotations": {REVISION: revision}},
        "status": {
            "observedGeneration": 2,
            "conditions": [
                {"type": "Available", "status": available, "reason": "Minimum", "message": "too few"},
                {"type": "Progressing", "status": "True", "reason": progressing, "message": ""},
            ],
        },
    }


def replica_set(revision: str, ready: int, expected: int = 2) -> Any:
    return {
        "metadata": {"uid": revision, "annotations": {REVISION: revision}, "ownerReferences": [{"uid": "d"}]},
        "spec": {"replicas": expected},
        "status": {"readyReplicas": ready},
    }


def test_deployment_is_ready_when_its_newest_pods_are() -> None:
    assert deployment_progress(deployment(), [replica_set("1", 2)], []).ready
    assert deployment_progress(deployment("2"), [replica_set("1", 2), replica_set("2", 2)], []).ready
    assert not deployment_progress(deployment("2"), [replica_set("1", 2), replica_set("2", 1)], []).ready
    assert not deployment_progress(deployment("2", progressing="ReplicaSetUpdated"), [replica_set("2", 2)], []).ready
    assert not deployment_progress(deployment(available="False"), [replica_set("1", 2)], []).ready
    foreign = {**replica_set("1", 2), "metadata": {"annotations": {REVISION: "1"}}}
    assert not deployment_progress(deployment(), [foreign], []).ready


def test_deployment_that_the_controller_has_not_seen_is_not_ready() -> None:
    unseen = deployment()
    unseen["status"]["observedGeneration"] = 1
    assert not deployment_progress(unseen, [replica_set("1", 2)], []).ready


def test_deployment_tells_why() -> None:
    pod = {
        "metadata": {"namespace": "n", "name": "web-x", "ownerReferences": [{"uid": "1"}]},
        "status": {
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "ContainersNotReady",
                    "message": "containers with unready status: [web]",
                }
            ],
            "containerStatuses": [
                {"ready": False, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
            ],
        },
    }
    progress = deployment_progress(deployment(available="False"), [replica_set("1", 1)], [pod])
    assert progress.status == (
        "[Minimum] too few",
        "Waiting for app ReplicaSet to be available (1/2 Pods available)",
    )
    assert progress.problems == (
        "[Minimum] too few",
        "Minimum number of live Pods was not attained",
        "[Pod n/web-x]: containers with unready status: [web][ImagePullBackOff] no such image",
    )


def stateful_set(generation: int = 1, **status: Any) -> Any:
    ready = {
        "observedGeneration": generation,
        "replicas": 1,
        "readyReplicas": 1,
        "currentReplicas": 1,
        "updatedReplicas": 1,
        "currentRevision": "a",
        "updateRevision": "a",
    }
    return {"metadata": {"uid": "s", "generation": generation}, "spec": {"replicas": 1}, "status": {**ready, **status}}


@pytest.mark.parametrize(
    ("obj", "step"),
    [
        (stateful_set(readyReplicas=0), "[1/2] Waiting for StatefulSet to create Pods (0/1 Pods ready)"),
        (
            stateful_set(2, updateRevision="b", updatedReplicas=0, currentReplicas=0),
            "[1/3] Waiting for StatefulSet update to roll out (0/1 Pods ready)",
        ),
        (stateful_set(2, updateRevision="b"), "[2/3] Waiting for StatefulSet to update .status.currentRevision"),
        (stateful_set(2, observedGeneration=1), "[1/3] Waiting for StatefulSet update to roll out (1/1 Pods ready)"),
    ],
)
def test_stateful_set_in_progress(obj: Any, step: str) -> None:
    progress = stateful_set_progress(obj, [])
    assert not progress.ready
    assert progress.problems
    assert len(progress.status) == 1
    assert progress.status[0].split(" (")[0] == step.split(" (")[0]


def test_stateful_set_is_ready_when_all_pods_are_of_the_newest_revision() -> None:
    assert stateful_set_progress(stateful_set(2), []).ready


def job(**status: Any) -> Any:
    return {"metadata": {"namespace": "n", "name": "migrate", "uid": "1"}, "status": status}


def test_job() -> None:
    complete = [{"type": "Complete", "status": "True"}]
    assert job_progress(job(startTime="now", conditions=complete), []).ready
    assert not job_progress(job(conditions=complete), []).ready
    assert job_progress(job(), []).status == ('Waiting for Job "n/migrate" to start',)
    running = job_progress(job(startTime="now", active=1), [])
    assert running.status == ('Waiting for Job "n/migrate" to succeed (Active: 1 | Succeeded: 0 | Failed: 0)',)
    reason = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "gave up"}
    failed = job_progress(job(conditions=[reason]), [])
    assert (failed.failed, failed.problems) == (True, ("[BackoffLimitExceeded] gave up",))


def test_a_job_that_fails_by_its_pod_failure_policy_is_not_seen_to_fail() -> None:
    """As the official provider has it (4.32.0): it waits until its time is over."""
    reason = {"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": "exit code 3"}
    assert not job_progress(job(startTime="now", conditions=[reason]), []).failed


def test_a_failed_job_has_the_last_words_of_its_pods() -> None:
    reason = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "gave up"}
    terminated = {"reason": "Error", "exitCode": 1, "message": "preflight: no such bucket\n"}
    pod = {
        "metadata": {"namespace": "n", "name": "migrate-x", "ownerReferences": [{"uid": "j"}]},
        "status": {
            "phase": "Failed",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Initialized", "status": "True", "reason": "PodCompleted"},
                {"type": "Ready", "status": "False", "reason": "PodFailed"},
            ],
            "containerStatuses": [{"name": "preflight", "ready": False, "state": {"terminated": terminated}}],
        },
    }
    failing = job(startTime="now", conditions=[reason])
    failing["metadata"]["uid"] = "j"

    assert job_progress(failing, [pod]).problems == (
        "[Pod n/migrate-x]: [Error] preflight: no such bucket\n",
        "[BackoffLimitExceeded] gave up",
    )
    del terminated["message"]
    assert job_progress(failing, [pod]).problems[0] == (
        '[Pod n/migrate-x]: container "preflight" completed with exit code 1'
    )


@pytest.mark.parametrize(
    ("phase", "mode", "ready"),
    [
        ("Bound", "Immediate", True),
        ("Pending", "Immediate", False),
        ("Pending", "WaitForFirstConsumer", True),
        ("Lost", "WaitForFirstConsumer", False),
    ],
)
def test_claim(phase: str, mode: str, ready: bool) -> None:
    assert claim_progress({"status": {"phase": phase}}, mode).ready is ready


def test_quota_is_ready_when_it_is_enforced() -> None:
    assert quota_progress({"spec": {"hard": {"pods": "5"}}, "status": {"hard": {"pods": "5"}}}).ready
    assert not quota_progress({"spec": {"hard": {"pods": "5"}}, "status": {}}).ready


def test_service_waits_for_its_endpoints() -> None:
    service = {"spec": {"selector": {"app": "x"}, "clusterIP": "10.0.0.1"}}
    live = {"subsets": [{"addresses": [{"ip": "10.1.0.1"}]}]}
    assert not service_progress(service, live, settled=False).ready
    assert service_progress(service, live, settled=True).ready
    pending = service_progress(service, {"subsets": [{"notReadyAddresses": [{"ip": "10.1.0.1"}]}]}, settled=True)
    assert (pending.ready, pending.problems) == (False, (TARGETLESS,))


@pytest.mark.parametrize("spec", [{"selector": {"a": "b"}, "clusterIP": "None"}, {}, {"type": "ExternalName"}])
def test_service_without_endpoints_to_wait_for(spec: dict[str, Any]) -> None:
    assert service_progress({"spec": spec}, None, settled=False).ready


def test_load_balancer_needs_an_address() -> None:
    service: dict[str, Any] = {"spec": {"type": "LoadBalancer"}}
    assert not service_progress(service, None, settled=True).ready
    assert service_progress(
        {**service, "status": {"loadBalancer": {"ingress": [{"ip": "1"}]}}}, None, settled=True
    ).ready


def test_ingress() -> None:
    path = {"path": "/", "backend": {"service": {"name": "web"}}}
    ingress: dict[str, Any] = {"spec": {"rules": [{"host": "example.com", "http": {"paths": [path]}}]}}
    web = {"metadata": {"name": "web"}}
    assert ingress_progress({**ingress, "status": {"loadBalancer": {"ingress": [{"ip": "1"}]}}}, []).ready
    waiting = ingress_progress(ingress, [web])
    assert waiting.status == ("[2/3] Waiting for update of .status.loadBalancer with hostname/IP",)
    assert waiting.problems[0].startswith("Ingress .status.loadBalancer field was not updated")
    missing = ingress_progress(ingress, [])
    assert missing.status[0] == 'No matching service found for ingress rule: "example.com/" -> "web"'
