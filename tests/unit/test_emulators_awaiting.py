"""Waiting for objects: what ends it, what it survives, what is kept of an object that never gets ready."""

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from emulators import awaiting
from emulators.awaiting import NotReadyError, Waiting, problems_now, seconds_allowed
from emulators.cluster import ApiError, UnreachableError

JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "migrate", "namespace": "n", "uid": "1"},
}
COMPLETE = {**JOB, "status": {"startTime": "now", "conditions": [{"type": "Complete", "status": "True"}]}}
FAILED = {
    **JOB,
    "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late"}]},
}
NOT_FOUND = ApiError({"code": 404, "reason": "NotFound", "message": "gone"})
FORBIDDEN = ApiError({"code": 403, "reason": "Forbidden", "message": "jobs is forbidden"})


class FakeCluster:
    """Answers each look with the next of `answers`: an object, a list of events, or an error."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def _next(self) -> Any:
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get(self, _: Any) -> Any:
        return self._next()

    def watch(self, *_: Any) -> Iterator[Any]:
        yield from self._next()

    def list(self, *_: Any) -> Any:
        return []


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "RECONNECT", 0.01)


def waiting(*answers: Any, seconds: float = 60, output: list[str] | None = None) -> Waiting:
    cluster: Any = FakeCluster(*answers)
    return Waiting(cluster, Event(), (output if output is not None else []).append, seconds)


def modified(obj: Any) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": obj}


def test_ready() -> None:
    output: list[str] = []
    assert waiting([modified(JOB), modified(COMPLETE)], output=output).until_ready(JOB, JOB) == COMPLETE
    assert output == ['Waiting for Job "n/migrate" to start']


def test_a_broken_connection_is_survived() -> None:
    answers = ([modified(JOB)], UnreachableError("connection refused"), [modified(COMPLETE)])
    assert waiting(*answers).until_ready(JOB, JOB) == COMPLETE


@pytest.mark.parametrize(
    ("answer", "seconds", "reason", "problems"),
    [
        (
            [modified(FAILED)],
            60,
            "Resource 'migrate' was created but failed to initialize",
            ("[DeadlineExceeded] late",),
        ),
        ([modified(JOB)], 0.2, "'migrate' timed out waiting to be Ready", ()),
        (FORBIDDEN, 60, "jobs is forbidden", ()),
    ],
)
def test_not_ready(answer: Any, seconds: float, reason: str, problems: tuple[str, ...]) -> None:
    with pytest.raises(NotReadyError) as error:
        waiting(answer, seconds=seconds).until_ready(JOB, JOB)
    assert str(error.value) == reason
    assert error.value.problems == problems
    assert error.value.live["metadata"]["name"] == "migrate"


def test_skip_await() -> None:
    manifest = {**JOB, "metadata": {"name": "migrate", "annotations": {"pulumi.com/skipAwait": "true"}}}
    output: list[str] = []
    assert waiting(output=output).until_ready(manifest, JOB) == JOB
    assert output == ["Skipping await logic"]
    assert problems_now(FakeCluster(), manifest, JOB) is None  # type: ignore[arg-type]


def test_a_custom_resource_is_ready_by_the_condition_that_it_names() -> None:
    custom = {
        "apiVersion": "example.com/v1",
        "kind": "Cluster",
        "metadata": {"name": "c", "annotations": {"pulumi.com/waitFor": "condition=Ready"}},
    }
    starting = {**custom, "status": {"conditions": [{"type": "Ready", "status": "False", "message": "1 of 3"}]}}
    ready = {**custom, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert waiting([modified(custom), modified(starting), modified(ready)]).until_ready(custom, custom) == ready
    with pytest.raises(NotReadyError, match="'c' timed out") as error:
        waiting([modified(starting)], seconds=0.2).until_ready(custom, custom)
    assert error.value.problems == ("Waiting for condition Ready: 1 of 3",)


def test_kinds_that_are_not_awaited_are_ready() -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert waiting().until_ready(config_map, config_map) == config_map


@pytest.mark.parametrize(
    "answers",
    [
        (NOT_FOUND,),
        ({**JOB, "metadata": {**JOB["metadata"], "uid": "another"}},),
        ({**JOB, "metadata": {**JOB["metadata"], "resourceVersion": "7"}}, [{"type": "DELETED", "object": JOB}]),
        (UnreachableError("connection refused"), NOT_FOUND),
    ],
)
def test_gone(answers: tuple[Any, ...]) -> None:
    waiting(*answers).until_gone(JOB, JOB)


def test_not_gone() -> None:
    there = {**JOB, "metadata": {**JOB["metadata"], "resourceVersion": "7"}}
    with pytest.raises(NotReadyError, match="timed out waiting for the condition"):
        waiting(*([there, []] * 100), seconds=0.2).until_gone(JOB, JOB)


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("PersistentVolume", 300), ("PersistentVolumeClaim", 300), ("ResourceQuota", 60), ("Service", 1000)],
)
def test_some_kinds_are_given_up_after_a_time_of_their_own(
    monkeypatch: pytest.MonkeyPatch, kind: str, seconds: float
) -> None:
    """Whatever is asked for."""
    live = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}}
    configured: list[float] = []

    def progress(_self: Waiting, _kind: str, _live: Any, deadline: float) -> Iterator[Any]:
        configured.append(deadline - time.monotonic())
        return iter(())

    monkeypatch.setattr(Waiting, "_progress", progress)
    with pytest.raises(NotReadyError, match="timed out" if kind == "Service" else "Timeout occurred polling for 'a'"):
        waiting(seconds=1000).until_ready(live, live)
    assert configured[0] == pytest.approx(seconds, abs=30)


@pytest.mark.parametrize(("kind", "is_left"), [("Job", True), ("ConfigMap", False)])
def test_of_some_kinds_the_deletion_may_be_left_alone(kind: str, is_left: bool) -> None:
    manifest = {"kind": kind, "metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}}
    there = {**JOB, "kind": kind, "metadata": {**JOB["metadata"], "resourceVersion": "7"}}
    answers = () if is_left else (there, [{"type": "DELETED", "object": there}])
    wait = waiting(*answers)
    wait.until_gone(manifest, there)
    assert wait.cluster.answers == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Service"),
    ],
)
def test_awaited_kinds(api_version: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer they are not ready; that a Service's endpoints settle takes ten seconds."""
    assert awaiting.SERVICE_SETTLES == 10
    live = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": {"selector": {"a": "b"}}}
    monkeypatch.setattr(Waiting, "_progress", lambda *_: iter(()))
    with pytest.raises(NotReadyError):
        waiting().until_ready(live, live)


def test_a_refresh_tells_why_an_object_is_not_ready() -> None:
    cluster: Any = FakeCluster()
    assert problems_now(cluster, JOB, FAILED) == ("[DeadlineExceeded] late",)
    assert problems_now(cluster, JOB, COMPLETE) is None


@pytest.mark.parametrize(
    ("requested", "annotated", "expected"), [(30.0, "8", 30.0), (0.0, "8", 8.0), (0.0, "soon", 600.0), (0.0, "", 600.0)]
)
def test_time_out(requested: float, annotated: str, expected: float) -> None:
    manifest = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": annotated}}}
    assert seconds_allowed(manifest, requested) == expected
