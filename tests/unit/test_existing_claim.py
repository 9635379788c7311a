"""The PersistentVolumeClaim of uploads that the stack does not own: the cluster is asked whether pods can mount it."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from stack_config.cluster_access import in_context
from stack_config.cluster_checks import questions, require
from stack_config.cluster_questions import NotAskedError, NotFoundError, Question
from stack_config.existing_claim import claim_question
from stack_config.existing_namespace import StackNamespace, namespace_question
from stack_config.files import read_stack
from stack_config.load import ConfigError, parse

PROD = in_context("prod")
NAMESPACE, CLAIM = "/api/v1/namespaces/chat", "/api/v1/namespaces/chat/persistentvolumeclaims/data"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program."""
    kept: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", kept.append)
    return kept


def claim(*modes: str, **metadata: str) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"accessModes": list(modes)}, "status": {"phase": "Bound"}}


def place(answers: Mapping[str, Any], *, created: bool = True) -> StackNamespace:
    """The namespace of a cluster with these answers; other paths are not found."""

    def ask(path: str) -> dict[str, Any]:
        answer = answers.get(path, NotFoundError("Error from server (NotFound)"))
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    return StackNamespace(name="chat", access=PROD, ask=ask, created_by_stack=created)


def ask_for_claim(answers: Mapping[str, Any]) -> Question:
    return claim_question("data", place({NAMESPACE: {"metadata": {}}, **answers}))


def test_a_claim_that_every_replica_can_mount_passes(warnings: list[str]) -> None:
    require([ask_for_claim({CLAIM: claim("ReadWriteOnce", "ReadWriteMany")})])
    assert warnings == []


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "there is no PersistentVolumeClaim data in namespace chat of context prod"),
        ({CLAIM: claim("ReadWriteMany", deletionTimestamp="2026-01-01T00:00:00Z")}, "is being deleted"),
        ({CLAIM: {**claim("ReadWriteMany"), "status": {"phase": "Lost"}}}, "has lost its volume"),
        ({CLAIM: claim("ReadWriteOncePod")}, "is ReadWriteOncePod"),
    ],
)
def test_a_claim_that_the_pods_cannot_mount_is_refused(
    answers: dict[str, Any], message: str, warnings: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        require([ask_for_claim(answers)])
    text = str(refused.value)
    assert "\nopenWebui.uploads.volume.existingClaim: " in text
    assert message in text
    assert "  value:    data\n" in text
    assert "kubectl --context=prod -n chat get persistentvolumeclaims" in text
    assert "pulumi config set --path openWebui.uploads.volume.existingClaim <name>" in text
    assert warnings == []


def test_a_claim_of_one_node_is_a_warning(warnings: list[str]) -> None:
    require([ask_for_claim({CLAIM: claim("ReadWriteOnce")})])
    [warning] = warnings
    assert "is ReadWriteOnce: web pods on a second node cannot mount it" in warning


def test_before_the_namespace_exists_there_is_a_warning(warnings: list[str]) -> None:
    require([claim_question("data", place({}))])
    [warning] = warnings
    assert "the namespace chat does not exist yet, nor does the PersistentVolumeClaim data" in warning


@pytest.mark.parametrize("namespace", [{"metadata": {}}, NotAskedError("Error from server (Forbidden): namespaces")])
def test_a_claim_that_may_not_be_read_is_a_warning(namespace: object, warnings: list[str]) -> None:
    require([claim_question("data", place({NAMESPACE: namespace, CLAIM: NotAskedError("(Forbidden): no")}))])
    [warning] = warnings
    assert warning.endswith(
        "the PersistentVolumeClaim of openWebui.uploads.volume.existingClaim exists: (Forbidden): no"
    )


def test_one_report_has_the_findings_of_every_question(warnings: list[str]) -> None:
    """A question without an answer keeps nothing from the report, and a missing namespace is one finding."""
    missing = place({}, created=False)
    unanswered = Question(about="whether it rains", findings=lambda: _refuse_to_answer())
    with pytest.raises(ConfigError) as refused:
        require([unanswered, namespace_question(missing), claim_question("data", missing), ask_for_claim({})])
    text = str(refused.value)
    assert "has 2 problems; nothing was changed" in text
    assert text.index("\nnamespace: ") < text.index("\nopenWebui.uploads.volume.existingClaim: ")
    assert warnings == ["not checked whether it rains: no connection"]


def _refuse_to_answer() -> list[Any]:
    raise NotAskedError("no connection")


def test_only_a_claim_that_is_used_is_asked_for() -> None:
    uploads = "openWebui.uploads"
    sets = ["kubeContext=prod", f"{uploads}.kind=volume"]
    for more, asked in (([], 0), ([f"{uploads}.volume.existingClaim=data"], 1)):
        settings = parse(read_stack("dev", [*sets, *more]).values, [])
        assert len(list(questions(settings, PROD))) == asked
