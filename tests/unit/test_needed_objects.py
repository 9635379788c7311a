"""Objects that the stack does not own: the cluster is asked whether they have their keys, and never for a value."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from components.blocks.needed_objects import NeededObject
from components.blocks.secret_reference import SecretReference
from stack_config.cluster_access import in_context
from stack_config.cluster_checks import questions, require
from stack_config.cluster_questions import asks
from stack_config.existing_namespace import StackNamespace
from stack_config.files import read_stack
from stack_config.load import ConfigError, parse
from stack_config.needed_objects import object_question, secrets_question
from tests.support.unit.cluster_warnings import warnings as warnings
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


def needed(*sets: str) -> dict[str, NeededObject]:
    """The objects that a config names, by their keys."""
    values = read_stack("dev", ["kubeContext=prod", *sets]).values
    return {each.key: each for each in parse(values, []).with_common_pods().objects_needed}


def ask_for(monkeypatch: pytest.MonkeyPatch, directory: Path, *sets: str, present: str) -> None:
    """Ask a kubectl on PATH, a script that answers for an object $1, about everything that a config names."""
    kubectl(directory, monkeypatch, namespace=EXISTS, secret=present)
    values = read_stack("dev", ["kubeContext=prod", "namespace=chat", *sets]).values
    settings = parse(values, []).with_common_pods()
    asked = [each for each in questions(settings, PROD) if " exists" in each.about]
    assert asked, "the control: something is asked for"
    require(asked)


NAMED = {
    "postgresql.tls.secretName": ("postgresql.tls.secretName=named",),
    "redis.tls.secretName": ("redis.tls.secretName=named",),
    "pods.caBundle.secret": ("pods.caBundle.secret=named",),
    "pods.caBundle.configMap": ("pods.caBundle.configMap=named",),
    "openWebui.pods.caBundle.secret": ("openWebui.pods.caBundle.secret=named",),
}
WARNED = {
    "pods.imagePullSecrets": ("pods.imagePullSecrets[0]=named",),
    "tika.pods.imagePullSecrets": ("tika.pods.imagePullSecrets[0]=named",),
    "openWebui.ingress.tlsSecretName": (
        "openWebui.ingress.enabled=true",
        "openWebui.ingress.className=traefik",
        "openWebui.host=chat.example.com",
        "openWebui.ingress.tlsSecretName=named",
    ),
    "openWebui.gateway.tlsSecretName": (
        "openWebui.gateway.enabled=true",
        "openWebui.gateway.className=traefik",
        "openWebui.host=chat.example.com",
        "openWebui.gateway.tlsSecretName=named",
    ),
}


@pytest.mark.parametrize("key", NAMED)
def test_an_object_that_pods_need_and_the_cluster_lacks_is_refused(
    key: str, warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError) as refused:
        ask_for(monkeypatch, tmp_path, *NAMED[key], present=MISSING)
    text = str(refused.value)
    kind = "ConfigMap" if key.endswith("configMap") else "Secret"
    assert f"{key}: there is no {kind} named in namespace chat of context prod" in text
    assert "pods that refer to it do not start" in text
    assert f"kubectl --context=prod -n chat get {kind.lower()} named" in text
    assert f"pulumi config set --path {key} <" in text
    assert warnings == []


@pytest.mark.parametrize("key", WARNED)
def test_an_object_that_something_else_may_write_later_is_a_warning(
    key: str, warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for(monkeypatch, tmp_path, *WARNED[key], present=MISSING)
    [warning] = warnings
    assert warning.startswith(f"{key}: there is no Secret named in namespace chat of context prod; ")


def test_a_certificate_without_its_authority_is_refused(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = NAMED["postgresql.tls.secretName"]
    with pytest.raises(ConfigError) as refused:
        ask_for(monkeypatch, tmp_path, *tls, present='printf "tls.crt\\ntls.key\\n"')
    message = "the Secret named in namespace chat of context prod has no key ca.crt; its keys are tls.crt, tls.key"
    assert message in str(refused.value)
    ask_for(monkeypatch, tmp_path, *tls, present='printf "tls.crt\\ntls.key\\nca.crt\\n"')
    assert warnings == []


def test_a_secret_of_cert_manager_is_not_asked_for() -> None:
    """It comes after the objects of the stack."""
    issuers = ("postgresql.tls.issuer.name=ca", "redis.tls.issuer.name=ca")
    assert needed(*issuers) == {}
    ingress = WARNED["openWebui.ingress.tlsSecretName"]
    assert list(needed(*ingress)) == ["openWebui.ingress.tlsSecretName"]
    assert needed(*ingress, "openWebui.ingress.issuer.name=letsencrypt") == {}


def test_what_all_pods_have_is_asked_for_once_and_what_none_has_never() -> None:
    common = ("pods.imagePullSecrets[0]=registry", "pods.caBundle.configMap=private-ca")
    assert set(needed(*common)) == {"pods.imagePullSecrets", "pods.caBundle.configMap"}
    assert needed("backup.pods.caBundle.secret=private-ca", "backup.enabled=false") == {}
    bundle = needed("backup.pods.caBundle.secret=private-ca", "backup.enabled=true")
    assert set(bundle) == {"backup.pods.caBundle.secret"}


def test_before_the_namespace_exists_only_what_pods_wait_for_is_a_warning(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, namespace=MISSING, secret="exit 1")
    namespace = StackNamespace(name="chat", access=PROD, ask=asks(PROD))
    sets = (*NAMED["postgresql.tls.secretName"], *WARNED["pods.imagePullSecrets"])
    require([object_question(each, namespace) for each in needed(*sets).values()])
    [warning] = warnings
    assert "nor does any Secret of postgresql.tls.secretName in it: named (keys tls.crt, tls.key, ca.crt)" in warning


def test_an_object_that_may_not_be_read_is_a_warning(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for(monkeypatch, tmp_path, *NAMED["redis.tls.secretName"], present=FORBIDDEN)
    [warning] = warnings
    assert warning.startswith("not checked whether the Secret named of redis.tls.secretName exists: Error from server")
