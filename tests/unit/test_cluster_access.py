"""Which cluster the stack is deployed to, and a namespace that exists."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.blocks.labels import PART_OF, STACK
from stack_config import cluster_access
from stack_config.cluster_access import ClusterAccess, in_context, kubeconfig_errors
from stack_config.cluster_checks import require
from stack_config.cluster_questions import asks, kubectl
from stack_config.existing_namespace import ENFORCE, StackNamespace, level_warning, namespace_question
from stack_config.load import ConfigError
from tests.support.unit.pod_effects import template
from tests.support.unit.recording import Recording, run

CLUSTER = {"name": "c", "cluster": {"server": "https://c", "certificate-authority-data": "eA=="}}
USER: dict[str, Any] = {"name": "u", "user": {"token": "hunter2"}}
CONTEXT = {"name": "test", "context": {"cluster": "c", "user": "u"}}


def kubeconfig(**changes: Any) -> str:
    whole = {"clusters": [CLUSTER], "users": [USER], "contexts": [CONTEXT], "current-context": "test"}
    return json.dumps({**whole, **changes})


def test_the_context_mode_reads_the_environment() -> None:
    provider = run("dev").one("kubernetes", "cluster")
    assert (provider.inputs["kubeconfig"], provider.inputs["context"]) == ("", "test")


def test_the_kubeconfig_is_a_secret_of_the_state() -> None:
    recording = run("dev", ["cluster.mode=kubeconfig"], {"kubeconfig": kubeconfig()})
    provider = recording.one("kubernetes", "cluster")
    assert provider.plain("kubeconfig") == kubeconfig()
    assert "hunter2" not in str({k: v for k, v in provider.inputs.items() if k != "kubeconfig"})
    assert not isinstance(provider.inputs["kubeconfig"], str), "marked as a secret"
    pods = json.dumps(recording.one("Deployment", "open-webui").inputs["spec"]["template"]["spec"], default=str)
    assert "kubeconfig" not in pods


def test_in_a_pod_the_credentials_are_files_that_every_pod_has() -> None:
    text = cluster_access.service_account_kubeconfig()
    assert "/var/run/secrets/kubernetes.io/serviceaccount/token" in text
    assert list(kubeconfig_errors(text.replace("tokenFile", "other").replace("certificate-authority", "x"), "")) == []


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        ("/home/me/.kube/config", "", "is not a kubeconfig; a path"),
        (":\n- {", "", "is not a kubeconfig"),
        (kubeconfig(**{"current-context": ""}), "", "no current context"),
        (kubeconfig(), "other", "not have the context"),
        (kubeconfig(users=[{"name": "u", "user": {"client-key": "/home/me/key"}}]), "", "of one machine (client-key)"),
    ],
)
def test_a_wrong_kubeconfig_is_refused_without_a_part_of_it(text: str, context: str, message: str) -> None:
    sets = ["cluster.mode=kubeconfig", f"kubeContext={context}"]
    with pytest.raises(ConfigError) as refused:
        run("dev", sets, {"kubeconfig": text})
    assert message in str(refused.value)
    assert "/home/me" not in str(refused.value)
    assert "pulumi config set --secret kubeconfig" in str(refused.value)


def test_the_mode_and_the_secret_belong_together() -> None:
    with pytest.raises(ConfigError, match="the secret kubeconfig is missing"):
        run("dev", ["cluster.mode=kubeconfig"])
    with pytest.raises(ConfigError, match=r"cluster\.mode does not need it"):
        run("dev", [], {"kubeconfig": kubeconfig()})
    with pytest.raises(ConfigError, match="kubeContext is missing"):
        run("dev", ["kubeContext="])
    run("dev", ["cluster.mode=inCluster", "kubeContext="])


def test_outside_a_pod_the_mode_of_a_pod_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack_config.load.there_is_a_cluster", lambda: True)
    with pytest.raises(ConfigError, match="does not run in a pod"):
        run("dev", ["cluster.mode=inCluster"])


def fake_kubectl(directory: Path, script: str, patch: pytest.MonkeyPatch) -> None:
    program = directory / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    patch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def test_kubectl_gets_the_kubeconfig_in_a_file_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'file=${1#--kubeconfig=}; stat -c "%a $file" "$file"; cat "$file"'
    fake_kubectl(tmp_path, script, monkeypatch)
    access = ClusterAccess(kubeconfig="contents", name="x", flags="")
    printed = kubectl(access, "get", "namespace").splitlines()
    mode, file = printed[0].split()
    assert (mode, printed[1]) == ("600", "contents")
    assert not Path(file).exists()
    assert "contents" not in repr(access)


@pytest.fixture(scope="module")
def existing() -> Recording:
    return run("dev", ["createNamespace=false"])


def test_a_namespace_that_exists_is_neither_created_nor_limited(existing: Recording) -> None:
    assert {"Namespace", "ResourceQuota", "LimitRange"} & {each.kind for each in existing.objects} == set()
    namespaces = {each.inputs["metadata"].get("namespace") for each in existing.objects}
    assert namespaces == {"rag-system"}


def test_in_a_namespace_of_others_only_the_stacks_pods_are_denied_connections(existing: Recording) -> None:
    spec = existing.one("NetworkPolicy", "default-deny").inputs["spec"]
    assert spec["podSelector"] == {"matchLabels": {PART_OF: STACK}}
    for name, kind in (("open-webui", "Deployment"), ("redis", "Deployment"), ("postgres", "StatefulSet")):
        assert template(existing, kind, name)["metadata"]["labels"][PART_OF] == STACK


def test_its_quota_can_be_asked_for() -> None:
    kinds = {each.kind for each in run("dev", ["createNamespace=false", "quota.enabled=true"]).objects}
    assert {"ResourceQuota", "LimitRange"} <= kinds


def require_namespace() -> None:
    """Ask the kubectl on PATH about the namespace `chat`, which the stack does not create."""
    prod = in_context("prod")
    require([namespace_question(StackNamespace(name="chat", access=prod, ask=asks(prod), created_by_stack=False))])


def test_a_namespace_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kubectl(tmp_path, "echo 'Error from server (NotFound): no' >&2; exit 1", monkeypatch)
    with pytest.raises(ConfigError) as refused:
        require_namespace()
    assert "context prod has no namespace chat" in str(refused.value)
    assert "kubectl --context=prod create namespace chat" in str(refused.value)


def test_a_namespace_that_cannot_be_read_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    fake_kubectl(tmp_path, "echo Forbidden >&2; exit 1", monkeypatch)
    require_namespace()
    assert warnings == ["not checked whether the namespace chat exists: Forbidden"]


@pytest.mark.parametrize(
    ("labels", "warning"),
    [
        ({ENFORCE: "restricted"}, None),
        ({ENFORCE: "privileged"}, "enforces Pod Security privileged"),
        (None, "enforces no Pod Security level"),
    ],
)
def test_its_pod_security_level_is_checked(labels: dict[str, str] | None, warning: str | None) -> None:
    message = level_warning({"metadata": {"name": "chat", "labels": labels}})
    assert (message is None) if warning is None else (warning in (message or ""))
