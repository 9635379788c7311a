"""Secrets by name and by reference: what pods refer to, what rolls them, and what a missing Secret stops."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.blocks.secret_reference import SecretReference
from stack_config.cluster_access import in_context
from stack_config.cluster_checks import require
from stack_config.cluster_questions import asks
from stack_config.existing_namespace import StackNamespace
from stack_config.needed_objects import secrets_question
from tests.support.engine.secrets import seen_in
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Run, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "existing-secrets"
MEMBERS = {"LICENSE_KEY": "tavily-of/the+operator", "ACME_LOGIN": "acme-of/the+operator"}
REFERENCE = ("existingSecrets.FEISHU_CLIENT_SECRET.name=search", "existingSecrets.FEISHU_CLIENT_SECRET.key=client")
VALUES = ("first-of/the+operator", "second-of/the+operator")


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack(
        "dev", f"namespace={NAMESPACE}", secrets={f"secretEnv.{name}": value for name, value in MEMBERS.items()}
    )
    yield made
    made.sets = [f"namespace={NAMESPACE}"]
    made.destroy()


@pytest.fixture(scope="module")
def live(stack: Stack) -> Namespace:
    return Namespace(stack.cluster, NAMESPACE)


def apply_secret(live: Namespace, contents: dict[str, str]) -> None:
    """Create the Secret of the operator, or replace it."""
    body = {"metadata": {"name": "search"}, "stringData": contents}
    if "search" in live.secrets():
        live.core.delete_namespaced_secret("search", live.name)
    live.core.create_namespaced_secret(live.name, body)


def sources(live: Namespace) -> dict[str, tuple[str, str]]:
    """Secret and key of each variable of the web pods."""
    container: Any = live.apps.read_namespaced_deployment("open-webui", live.name).spec.template.spec.containers[0]
    references = {each.name: each.value_from.secret_key_ref for each in container.env if each.value_from}
    return {name: (reference.name, reference.key) for name, reference in references.items()}


def refused(stack: Stack, *sets: str) -> str:
    """The error of a preview and of an update, neither of which registers anything."""
    runs: list[Run] = [stack.preview(*sets, fails=True), stack.up(*sets, fails=True)]
    for run in runs:
        assert run.registered <= {"Stack open-webui-stack-dev"}
    assert runs[0].error == runs[1].error
    return runs[0].error


def test_before_the_namespace_exists_a_preview_warns(stack: Stack) -> None:
    run = stack.preview(*REFERENCE)
    assert "create Deployment open-webui" in run.changes
    assert any("does not exist yet" in text and "search (key client)" in text for text in run.text)


def test_members_of_the_map_reach_the_pods(stack: Stack, live: Namespace) -> None:
    stack.up()
    contents = live.secret("openwebui-secret")
    assert {name: contents[name] for name in MEMBERS} == MEMBERS
    assert {name: sources(live)[name] for name in MEMBERS} == {name: ("openwebui-secret", name) for name in MEMBERS}
    assert stack.preview().changes == set()


def test_a_missing_secret_is_refused_before_anything_is_registered(stack: Stack, live: Namespace) -> None:
    before = live.identities()
    error = refused(stack, *REFERENCE)
    assert f"existingSecrets.FEISHU_CLIENT_SECRET: there is no Secret search in namespace {NAMESPACE}" in error
    assert live.identities() == before


def test_a_missing_key_is_refused_with_the_keys_that_exist(stack: Stack, live: Namespace) -> None:
    apply_secret(live, {"client-secret": VALUES[0], "other": "x"})
    error = refused(stack, *REFERENCE)
    assert "has no key client; its keys are client-secret, other" in error
    assert "pulumi config set --path existingSecrets.FEISHU_CLIENT_SECRET.key <key>" in error


def test_a_user_who_may_not_read_secrets_gets_a_warning(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of the real API server to somebody without any permission, in place of the whole preview."""
    assert stack.cluster.kubeconfig
    contents = yaml.safe_load(stack.cluster.kubeconfig.read_text())
    for entry in contents["users"]:
        entry["user"]["as"] = "nobody"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(contents))
    warnings: list[str] = []
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    references = {"SERPER_API_KEY": SecretReference(name="search", key="client")}
    access = in_context(stack.cluster.context)
    require([secrets_question(references, StackNamespace(name=NAMESPACE, access=access, ask=asks(access)))])
    [warning] = warnings
    assert warning.startswith("not checked whether the Secrets of existingSecrets exist")
    assert 'secrets "search" is forbidden' in warning


def test_pods_refer_to_the_secret_and_the_counter_rolls_them_alone(stack: Stack, live: Namespace) -> None:
    apply_secret(live, {"client": VALUES[0]})
    assert stack.keep(*REFERENCE).changes == {"update Deployment open-webui", *PREFLIGHT_AGAIN}
    assert sources(live)["FEISHU_CLIENT_SECRET"] == ("search", "client")

    apply_secret(live, {"client": VALUES[1]})
    assert stack.preview(refresh=True).changes == set(), "the stack does not see it"
    before = live.revisions()
    rotation = stack.keep("rotate.existingSecrets=2").changes
    assert rotation == {"update Deployment open-webui", *PREFLIGHT_AGAIN}
    after = live.revisions()
    assert {name for name, revision in after.items() if revision != before[name]} == {"open-webui"}


def test_a_member_in_plain_text_beside_encrypted_ones_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    # The language host names the directory; for a program in the process of the Automation API nothing does.
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(stack.directory))
    stack.pulumi("config", "set", "--path", "--plaintext", "secretEnv.PLAIN", "in-the-file")
    error = refused(stack)
    assert "secretEnv.PLAIN: a secret in plain text" in error
    assert "in-the-file" not in error
    stack.pulumi("config", "rm", "--path", "secretEnv.PLAIN")


def test_no_value_is_seen_anywhere(stack: Stack, live: Namespace) -> None:
    """After all of the above: in no state, config file, object other than the Secrets, or output of a command."""
    values = {*MEMBERS.values(), *VALUES}
    secrets = [json.dumps(item) for item in live.objects() if item["kind"] == "Secret"]
    assert len(seen_in("\n".join(secrets), values)) == 3, "the control: the search finds what the Secrets contain"
    objects = [item for item in live.objects() if item["kind"] != "Secret"]
    texts = [json.dumps(stack.state()), json.dumps(stack.config()), json.dumps(objects), *stack.transcript]
    assert seen_in("\n".join(texts), values) == []
