"""Wrong config: one report that names every error and how to fix it, before anything is registered."""

import json
import re
from collections.abc import Mapping

import pytest

from components.blocks.base_settings import Problem
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.secret_keys import SECRET_KEYS
from stack_config.settings import StackSettings
from tests.support.unit.config_reports import report
from tests.support.unit.recording import run
from tests.support.unit.single_mistakes import SINGLE_MISTAKES
from tests.support.unit.uploads_in_pods import accepted


@pytest.mark.parametrize(
    ("values", "key", "hint"), [case[1:] for case in SINGLE_MISTAKES], ids=[case[0] for case in SINGLE_MISTAKES]
)
def test_an_invalid_value_is_named_with_what_is_allowed_and_how_to_fix_it(
    values: Mapping[str, object], key: str, hint: str
) -> None:
    text = report(values)
    [finding] = [part for part in text.split("\n\n") if part.startswith(f"{key}: ")]
    assert hint in finding
    assert "  value:    " in finding
    assert re.search(r"fix: +pulumi config (set|rm) ", finding)
    assert "hunter2" not in text


def test_each_invalid_value_alone_is_one_problem() -> None:
    for name, values, *_ in SINGLE_MISTAKES:
        expected = 2 if name.endswith("without its keys") else 3 if name == "a bucket without name" else 1
        # Secrets that are missing in all of these: the URL of an external server, the keys of the archive's bucket.
        missing = ("redisCacheUrl", "databaseUrl", "archiveS3AccessKeyId", "archiveS3SecretAccessKey")
        expected += sum(f"{secret}: " in report(values) for secret in missing)
        assert len(re.findall(r"^  allowed: ", report(values), re.MULTILINE)) == expected, name


def test_all_invalid_values_come_in_one_report() -> None:
    text = report(
        {
            "redis": {"maxmemory": "2gb", "resources": {"limits": {"memory": "1Gi"}}, "persistence": True},
            "openWebui": {"replicas": 0, "ingress": {"stickySessions": True}},
            "protect": "maybe",
            "kubeContext": "",
        }
    )
    assert "has 6 problems; nothing was changed" in text
    for key in ("redis.maxmemory", "redis.persistence", "openWebui.replicas", "protect", "kubeContext"):
        assert f"\n\n{key}: " in text


@pytest.mark.parametrize("scale", [{"replicas": 50}, {"autoscaling": {"maxReplicas": 50}}])
def test_a_rule_between_components_does_not_hide_what_is_checked_after_it(scale: Mapping[str, object]) -> None:
    text = report({"openWebui": {**scale, "uploads": {"kind": "s3", "s3": {"bucketName": "uploads"}}}})
    for key in ("postgresql.maxConnections", "s3AccessKeyId", "s3SecretAccessKey"):
        assert f"\n\n{key}: " in text


def test_a_secret_in_plain_text_is_refused_and_not_repeated() -> None:
    text = report({"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}, "openaiApiKey": "sk-hunter2"})
    assert "openaiApiKey: a secret in plain text" in text
    assert "pulumi config set --secret openaiApiKey" in text
    assert "hunter2" not in text


def test_a_secret_inside_an_object_is_refused_and_not_repeated() -> None:
    text = report({"redis": {"password": "hunter2"}})
    assert "redis.password: unknown key" in text
    assert "hunter2" not in text


def test_an_encrypted_setting_is_refused_since_it_would_be_shown() -> None:
    assert "namespace: encrypted, but it is not a secret" in report({"namespace": "rag"}, frozenset({"namespace"}))


@pytest.mark.parametrize("key", ["namspace", "unheardOf", "openaiApiKy"])
def test_an_encrypted_value_of_an_unknown_key_is_not_repeated(key: str) -> None:
    text = report({key: "hunter2"}, frozenset({key}))
    assert f"{key}: unknown key" in text
    assert "hunter2" not in text


def test_an_encrypted_value_of_a_misspelt_project_is_not_repeated() -> None:
    values = {f"{PROJECT}:kubeContext": "test", "openwebui-stack:namespace": "hunter2"}
    with pytest.raises(ConfigError) as error:
        parse(values, {"openwebui-stack:namespace"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("nothing", ["", " "])
def test_a_secret_of_nothing_is_a_missing_one(nothing: str) -> None:
    values = {"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}, "openaiApiKey": nothing}
    assert "\n\nopenaiApiKey: the secret openaiApiKey is missing" in report(values, frozenset({"openaiApiKey"}))


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_secret_that_nothing_uses_is_refused(key: str) -> None:
    text = report({key: "value"}, frozenset({key}))
    assert f"the secret {key} is set, but" in text
    assert "value:    [hidden]" in text


def test_a_key_with_a_dot_is_named_as_the_cli_takes_it_and_the_report_goes_on() -> None:
    text = report({"redis": {"resources.limits.memory": "1Gi"}, "openWebui": {"replicas": 0}})
    assert """redis["resources.limits.memory"]: unknown key""" in text
    assert """pulumi config rm --path 'redis["resources.limits.memory"]'""" in text
    assert "openWebui.replicas: " in text


def test_keys_of_other_projects_are_left_alone() -> None:
    values = {f"{PROJECT}:kubeContext": "test", "aws:region": "eu-central-1", "kubernetes:context": "x"}
    assert parse(accepted(values), set()).kube_context == "test"


def test_nothing_is_registered_when_the_config_is_wrong() -> None:
    with pytest.raises(ConfigError):
        run("dev", ["openWebui.replicas=0"])


def test_a_number_is_a_quantity_as_the_cli_writes_it() -> None:
    values = {"postgresql": {"resources": {"limits": {"cpu": 2}}}, "redis": {"maxmemory": 536870912}}
    texts = {f"{PROJECT}:{k}": json.dumps(v) for k, v in values.items()} | {f"{PROJECT}:kubeContext": "x"}
    settings = parse(accepted(texts), set())
    assert settings.postgresql.resources.limits.cpu == "2"
    assert settings.redis.memory_limit == "704Mi"


def test_a_rule_that_the_defaults_break_is_reported_and_does_not_go_on_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Problem(keys=("postgresql.maxConnections",), message="never right", allowed="nothing", fix="1")
    monkeypatch.setattr(StackSettings, "problems", lambda _: iter([broken]))
    assert "postgresql.maxConnections: never right" in report({})


@pytest.mark.parametrize(
    ("web", "reason"),
    [
        ({}, "uploads.kind pod with 2 replicas"),
        ({"replicas": 3}, "uploads.kind pod with 3 replicas"),
        ({"autoscaling": {"minReplicas": 1, "maxReplicas": 4}}, "uploads.kind pod with 4 replicas"),
        ({"uploads": {"kind": "pod", "acceptLoss": False}}, "openWebui.uploads.acceptLoss: true"),
    ],
    ids=str,
)
def test_uploads_that_other_replicas_cannot_read_are_refused(web: Mapping[str, object], reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({f"{PROJECT}:kubeContext": "test", f"{PROJECT}:openWebui": json.dumps(web)}, set())
    assert "has 1 problem" in str(error.value)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "web", [{"replicas": 1}, {"uploads": {"kind": "volume"}}, {"uploads": {"acceptLoss": True}}], ids=str
)
def test_uploads_that_all_replicas_can_read_or_that_may_be_lost_are_accepted(web: Mapping[str, object]) -> None:
    assert parse({f"{PROJECT}:kubeContext": "test", f"{PROJECT}:openWebui": json.dumps(web)}, set())


def test_each_update_says_what_may_not_work_and_prod_with_a_model_service_has_nothing_to_say() -> None:
    assert [warning.partition(":")[0] for warning in run("dev").warnings] == [
        "documents cannot be embedded",
        "openWebui.uploads.kind is pod with 2 replicas",
    ]
    model_service = ["openWebui.openaiApiBaseUrl=https://models.example.com/v1"]
    assert run("prod", model_service, {"openaiApiKey": "k"}).warnings == []
