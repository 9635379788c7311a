"""Secrets that the stack does not own: the cluster is asked whether they have their keys, and never for a value."""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pytest

from components.blocks.secret_reference import SecretReference
from stack_config import cluster_questions
from stack_config.cluster_access import in_context
from stack_config.cluster_checks import require
from stack_config.cluster_questions import asks
from stack_config.existing_namespace import StackNamespace
from stack_config.load import ConfigError
from stack_config.referenced_secrets import secrets_question
from tests.support.unit.recording import run

PROD = in_context("prod")


def require_existing(references: Mapping[str, SecretReference]) -> None:
    """Ask the kubectl on PATH about Secrets of the namespace `chat`."""
    require([secrets_question(references, StackNamespace(name="chat", access=PROD, ask=asks(PROD)))])


REFERENCES = {
    "openaiApiKey": SecretReference(name="llm", key="api-key"),
    "LICENSE_KEY": SecretReference(name="sso", key="scim"),
    "FEISHU_CLIENT_SECRET": SecretReference(name="sso", key="client"),
}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program, which runs with an engine that is not a mock."""
    kept: list[str] = []
    monkeypatch.setattr(cluster_questions, "get_monitor", object)
    monkeypatch.setattr(pulumi.log, "warn", kept.append)
    return kept


def kubectl(directory: Path, monkeypatch: pytest.MonkeyPatch, *, namespace: str, secret: str) -> None:
    """Put a kubectl on PATH: a script for questions about the namespace, and one for those about the Secret $1."""
    file = directory / "kubectl"
    script = f'echo "$@" >> {directory}/asked; shift 3\nif [ "$1" = --raw ]; then {namespace}; exit; fi; shift'
    file.write_text(f"#!/bin/sh\n{script}\n{secret}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


EXISTS = "echo '{}'"
MISSING = "echo 'Error from server (NotFound): no' >&2; exit 1"
SECRETS = (
    'case $1 in sso) printf "client\\nother\\n";; *) echo "Error (NotFound): secrets not found" >&2; exit 1;; esac'
)


def test_every_missing_secret_and_key_is_in_one_report(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=EXISTS, secret=SECRETS)
    with pytest.raises(ConfigError) as error:
        require_existing(REFERENCES)
    text = str(error.value)
    assert "has 2 problems; nothing was changed" in text
    assert "existingSecrets.openaiApiKey: there is no Secret llm in namespace chat of context prod" in text
    assert "existingSecrets.LICENSE_KEY: the Secret sso in namespace chat of context prod has no key scim" in text
    assert "its keys are client, other" in text
    assert "pulumi config set --path existingSecrets.LICENSE_KEY.key <key>" in text
    assert warnings == []
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 3, "the namespace, and each Secret once"
    assert all(line.startswith("--context=prod --request-timeout=10s get ") for line in asked)


def test_secrets_that_have_their_keys_pass(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=EXISTS, secret='printf "client\\napi-key\\nscim\\n"')
    require_existing(REFERENCES)
    assert warnings == []


def test_before_the_namespace_exists_a_warning_lists_the_secrets(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=MISSING, secret="exit 1")
    require_existing(REFERENCES)
    [warning] = warnings
    assert "the namespace chat does not exist yet" in warning
    assert "llm (key api-key), sso (key client), sso (key scim)" in warning


FORBIDDEN = "echo 'Error from server (Forbidden): no' >&2; exit 1"


@pytest.mark.parametrize("namespace", [EXISTS, FORBIDDEN])
def test_without_permission_to_read_secrets_there_is_a_warning(
    namespace: str, warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=namespace, secret=FORBIDDEN)
    require_existing(REFERENCES)
    [warning] = warnings
    assert warning.startswith("not checked whether the Secrets of existingSecrets exist: Error from server (Forbidden)")


def test_without_permission_to_read_the_namespace_the_secrets_are_checked(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=FORBIDDEN, secret=SECRETS)
    with pytest.raises(ConfigError, match="there is no Secret llm"):
        require_existing(REFERENCES)
    assert warnings == []


def test_without_a_cluster_there_is_a_warning(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    require_existing(REFERENCES)
    assert warnings == ["not checked whether the Secrets of existingSecrets exist: kubectl is not on PATH"]


def test_under_mocks_nothing_is_asked(warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl(tmp_path, monkeypatch, namespace="exit 1", secret="exit 1")
    monkeypatch.undo()
    kubectl(tmp_path, monkeypatch, namespace="exit 1", secret="exit 1")
    run("dev", ["existingSecrets.LICENSE_KEY.name=sso", "existingSecrets.LICENSE_KEY.key=scim"])
    assert not (tmp_path / "asked").exists()
    assert warnings == []
