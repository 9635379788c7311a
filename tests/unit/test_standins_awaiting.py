"""Waiting for objects: what ends it, what it survives, what is kept of an object that never gets ready."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from local.standins import awaiting
from local.standins.awaiting import NotReadyError, Waiting, problems_now, seconds_allowed
from local.standins.cluster import ApiError, UnreachableError

JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "migrate", "namespace": "n", "uid": "1"},
}
COMPLETE = {**JOB, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
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


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "RECONNECT", 0.01)


def waiting(*answers: Any, seconds: float = 0.2, said: list[str] | None = None) -> Waiting:
    cluster: Any = FakeCluster(*answers)
    return Waiting(cluster, Event(), (said if said is not None else []).append, seconds)


def modified(obj: Any) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": obj}


def test_ready() -> None:
    said: list[str] = []
    assert waiting([modified(JOB), modified(COMPLETE)], said=said).until_ready(JOB, JOB) == COMPLETE
    assert said == ['Waiting for Job "n/migrate" to start']


def test_a_broken_connection_is_survived() -> None:
    answers = ([modified(JOB)], UnreachableError("connection refused"), [modified(COMPLETE)])
    assert waiting(*answers).until_ready(JOB, JOB) == COMPLETE


@pytest.mark.parametrize(
    ("answer", "reason", "problems"),
    [
        ([modified(FAILED)], "Resource 'migrate' was created but failed to initialize", ("[DeadlineExceeded] late",)),
        ([modified(JOB)], "'migrate' timed out waiting to be Ready", ()),
        (FORBIDDEN, "jobs is forbidden", ()),
    ],
)
def test_not_ready(answer: Any, reason: str, problems: tuple[str, ...]) -> None:
    with pytest.raises(NotReadyError) as error:
        waiting(answer).until_ready(JOB, JOB)
    assert str(error.value) == reason
    assert error.value.problems == problems
    assert error.value.live["metadata"]["name"] == "migrate"


def test_skip_await() -> None:
    manifest = {**JOB, "metadata": {"name": "migrate", "annotations": {"pulumi.com/skipAwait": "true"}}}
    said: list[str] = []
    assert waiting(said=said).until_ready(manifest, JOB) == JOB
    assert said == ["Skipping await logic"]
    assert problems_now(FakeCluster(), manifest, JOB) is None  # type: ignore[arg-type]


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
        waiting(*([there, []] * 100)).until_gone(JOB, JOB)


@pytest.mark.parametrize(
    ("requested", "annotated", "expected"), [(30.0, "8", 30.0), (0.0, "8", 8.0), (0.0, "soon", 600.0), (0.0, "", 600.0)]
)
def test_time_out(requested: float, annotated: str, expected: float) -> None:
    manifest = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": annotated}}}
    assert seconds_allowed(manifest, requested) == expected
