"""What `openWebui.env` takes, by the table of variables, and that the table is true of what the stack sets."""

import json
from collections.abc import Mapping
from functools import cache

import pytest

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES
from components.open_webui.names import PORT
from components.open_webui.settings import feature_secrets
from components.open_webui.variable_rules import CONDITIONS
from components.open_webui.variables import CLASSES_FILE, VariableClass, VariableTable, variable_table
from policy.rules import RULES
from policy.rules.rule import Context, findings
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.report import shown
from stackctl.variables.classes import read_classes
from tests.support.unit.effects_on_documents import (
    AZURE,
    AZURE_SECRETS,
    DOCLING,
    EMBEDDING_URL,
    EXTERNAL_EXTRACTION,
    OLLAMA,
    OPENAI,
    OPENAI_SECRETS,
    RERANKER,
)
from tests.support.unit.effects_on_observability import OBSERVED
from tests.support.unit.effects_on_sign_in import SIGN_IN_CONFIGURATIONS
from tests.support.unit.effects_on_uploads import AZURE as AZURE_UPLOADS
from tests.support.unit.effects_on_uploads import AZURE_SECRETS as AZURE_UPLOAD_SECRETS
from tests.support.unit.effects_on_uploads import GCS, GCS_SECRETS, S3, S3_SECRETS
from tests.support.unit.recording import run
from tests.support.unit.uploads_in_pods import accepted

CLOSED = (VariableClass.STACK, VariableClass.COMMAND)


def problems(env: Mapping[str, str], **more: object) -> str:
    """The report on a config with these variables; empty when it is right."""
    rest = {key: value for key, value in more.items() if key != "redis"}
    config = {
        f"{PROJECT}:kubeContext": "test",
        f"{PROJECT}:openWebui": json.dumps({"env": env, **rest}),
        f"{PROJECT}:redis": json.dumps(more.get("redis", {})),
        f"{PROJECT}:openaiApiKey": "k",
        f"{PROJECT}:s3AccessKeyId": "k",
        f"{PROJECT}:s3SecretAccessKey": "k",
        f"{PROJECT}:redisCacheUrl": "redis://10.0.0.1",
    }
    needed = {
        "openaiApiKey": "openaiApiBaseUrl" in rest,
        "s3AccessKeyId": "uploads" in rest,
        "s3SecretAccessKey": "uploads" in rest,
        "redisCacheUrl": "redis" in more,
    }
    for key, is_needed in needed.items():
        if not is_needed:
            del config[f"{PROJECT}:{key}"]
    try:
        parse(accepted(config), {f"{PROJECT}:{key}" for key, is_needed in needed.items() if is_needed})
    except ConfigError as error:
        return str(error)
    return ""


# The class "set by the stack" is what the stack sets.

URLS = ("openWebui.openaiApiBaseUrl=https://a.example", "openWebui.ollamaBaseUrl=http://b")
DATABASE_BY_REFERENCE = (
    *("postgresql.topology=external", "postgresql.external.hosts=10.0.0.3"),
    "postgresql.external.certificateAuthority=-----BEGIN CERTIFICATE-----",
    *("existingSecrets.databaseUrl.name=chats-app", "existingSecrets.databaseUrl.key=uri"),
)
EXTERNAL = ("redis.topology=external", "redis.external.hosts=10.0.0.1")
CONFIGURATIONS: list[tuple[tuple[str, ...], dict[str, str]]] = [
    ((), {}),
    (("openWebui.performance.threads=80",), {}),
    (("openWebui.host=chat.example.com", "openWebui.variant=full", *URLS), {"openaiApiKey": "k"}),
    ((*S3, "openWebui.uploads.s3.endpointUrl=https://s", "openWebui.uploads.s3.regionName=eu"), S3_SECRETS),
    ((*S3, "openWebui.uploads.s3.keyPrefix=web", "openWebui.uploads.localCache=false"), S3_SECRETS),
    ((*S3, *(f"openWebui.uploads.s3.{key}" for key in ("accelerate=true", "tagging=true"))), S3_SECRETS),
    ((*S3, "openWebui.uploads.s3.addressingStyle=path"), S3_SECRETS),
    (GCS, GCS_SECRETS),
    (AZURE_UPLOADS, AZURE_UPLOAD_SECRETS),
    (("redis.topology=sentinel",), {}),
    (("redis.topology=cluster",), {}),
    (EXTERNAL, {"redisCacheUrl": "redis://:p@10.0.0.1"}),
    (DATABASE_BY_REFERENCE, {}),
    *SIGN_IN_CONFIGURATIONS,
    OBSERVED,
    ((*EXTERNAL, "redis.external.sentinelHosts=10.0.0.2"), {"redisCacheUrl": "redis://:p@mymaster"}),
    (
        (*DOCLING, *RERANKER, *OLLAMA),
        dict.fromkeys(("DOCLING_API_KEY", "RAG_EXTERNAL_RERANKER_API_KEY", "RAG_OLLAMA_API_KEY"), "k"),
    ),
    (EMBEDDING_URL, {"RAG_OPENAI_API_KEY": "k"}),
    ((*EXTERNAL_EXTRACTION, *AZURE), {"EXTERNAL_DOCUMENT_LOADER_API_KEY": "k", **AZURE_SECRETS}),
]
"""Configurations that together set every variable that the stack can set."""


@cache
def emitted() -> frozenset[str]:
    """Every variable of the web pods' containers in some configuration."""
    names: set[str] = set()
    for sets, secrets in CONFIGURATIONS:
        recording = run("dev", sets, secrets)
        pods = ("open-webui/open-webui", "open-webui/migrate")
        for container in (*pods, "open-webui-preflight/preflight"):
            names |= {variable["name"] for variable in recording.containers[container]["env"]}
    return frozenset(names)


def of_class(*kinds: VariableClass) -> set[str]:
    return read_classes(CLASSES_FILE).of_class(*kinds)


def test_what_the_stack_sets_has_the_class_and_what_has_the_class_is_set() -> None:
    # Those are set unless a secret config key of the same name is.
    secrets = {secret.variable for secret in feature_secrets()}
    listed, how = (
        of_class(VariableClass.STACK) | ENCRYPTION_VARIABLES.keys() | secrets,
        "in components/open_webui/variables.yaml; python -m stackctl variables generate",
    )
    assert sorted(emitted() - listed - of_class(VariableClass.SECRET)) == [], (
        f"the stack sets them: give them `class: stack` {how}"
    )
    assert sorted(listed - emitted()) == [], f"no configuration of CONFIGURATIONS sets them: another class {how}"


def test_what_the_command_line_decides_is_on_the_command_line() -> None:
    command = " ".join(run("dev").containers["open-webui/open-webui"]["command"])
    options = {
        "PORT": f"--port {PORT}",
        "UVICORN_PORT": f"--port {PORT}",
        "UVICORN_HOST": "--host ",
        "UVICORN_APP": "open_webui.main:app",
        "UVICORN_WORKERS": "--workers 1",
        "WEB_CONCURRENCY": "--workers 1",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "--timeout-graceful-shutdown ",
        "FORWARDED_ALLOW_IPS": "--forwarded-allow-ips ",
        "UVICORN_FORWARDED_ALLOW_IPS": "--forwarded-allow-ips ",
    }
    assert options.keys() == of_class(VariableClass.COMMAND)
    assert [name for name, option in options.items() if option not in command] == []


# What `openWebui.env` takes.


@pytest.mark.parametrize("name", sorted(of_class(*CLOSED, VariableClass.SECRET, VariableClass.REFUSED)))
def test_what_is_closed_is_refused_with_its_reason(name: str) -> None:
    variable = variable_table().get(name)
    assert variable
    value = {"on": "True", "off": "false"}.get(variable.rule.when, "")
    report = problems({name: value})
    assert f"openWebui.env.{name}: {name} " in report
    for text in (variable.rule.reason.removesuffix("."), variable.rule.key):
        assert text in report
    if variable.rule.kind is VariableClass.SECRET:
        assert f"pulumi config set --secret {name}" in report


@pytest.mark.parametrize("name", sorted(of_class(VariableClass.ALLOWED)))
def test_what_is_allowed_is_accepted(name: str) -> None:
    assert problems({name: "1"}) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (variable.name, "false" if variable.rule.when == "on" else "True")
        for variable in variable_table().read
        if variable.rule.when
    ],
)
def test_the_harmless_value_of_a_switch_is_accepted(name: str, value: str) -> None:
    assert problems({name: value}) == ""


FITTING: dict[str, dict[str, object]] = {
    "one-replica": {"replicas": 1},
    "one-replica-per-browser": {
        "host": "a.example.com",
        "ingress": {"enabled": True, "className": "nginx", "stickySessions": True},
    },
    "external-redis": {"redis": {"topology": "external", "external": {"hosts": "10.0.0.1"}}},
    "uploads-in-s3": {"uploads": {"kind": "s3", "s3": {"bucketName": "files"}}},
    "openai": {"openaiApiBaseUrl": "https://a.example"},
    "ollama": {"ollamaBaseUrl": "http://ollama"},
    "full-image": {"variant": "full"},
    "other-extraction": {"documents": {"extraction": {"engine": "none"}}},
    "other-tika": {"documents": {"extraction": {"url": "http://tika.documents"}}},
}


CONDITIONAL = [variable.name for variable in variable_table().read if variable.rule.condition]


@pytest.mark.parametrize("name", [*CONDITIONAL, "AWS_MAX_ATTEMPTS"])
def test_what_has_a_condition_is_accepted_where_it_holds_and_refused_elsewhere(name: str) -> None:
    variable = variable_table().get(name)
    assert variable
    value = {"on": "true", "off": "false"}.get(variable.rule.when, "")
    report = problems({name: value})
    condition = CONDITIONS[variable.rule.condition]
    assert f"openWebui.env.{name}: {name} does not fit {condition.key}. " in report
    assert condition.allowed in report
    assert problems({name: value}, **FITTING[variable.rule.condition]) == ""


def test_one_replica_can_do_without_sticky_sessions() -> None:
    assert problems({"ENABLE_WEBSOCKET_SUPPORT": "false"}, replicas=1) == ""
    assert "stickySessions" in problems({"ENABLE_WEBSOCKET_SUPPORT": "false"}, replicas=2)


def test_an_engine_of_extraction_that_the_stack_does_not_set_up_is_set_by_its_variable() -> None:
    sets = ["openWebui.documents.extraction.engine=none", "openWebui.env.CONTENT_EXTRACTION_ENGINE=mistral_ocr"]
    variables = run("dev", sets).containers["open-webui/open-webui"]["env"]
    assert [v["value"] for v in variables if v["name"] == "CONTENT_EXTRACTION_ENGINE"] == ["mistral_ocr"]
    # One way for each setting.
    report = problems({"CONTENT_EXTRACTION_ENGINE": "docling"}, documents={"extraction": {"engine": "none"}})
    assert "another engine than tika, docling and external" in report


def test_what_is_said_about_an_external_redis_reaches_every_client_once() -> None:
    env = {"REDIS_CLUSTER": "true", "REDIS_SENTINEL_MAX_RETRY_COUNT": "9", "WEBSOCKET_SERVER_LOGGING": "true"}
    recording = run(
        "dev",
        [*EXTERNAL, "redis.external.sentinelHosts=10.0.0.2", *(f"openWebui.env.{n}={v}" for n, v in env.items())],
        {"redisCacheUrl": "redis://:p@mymaster"},
    )
    for container in ("migrate", "open-webui"):
        variables = recording.containers[f"open-webui/{container}"]["env"]
        assert {v["name"]: v["value"] for v in variables if v["name"] in env} == env
        names = [variable["name"] for variable in variables]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "meant"),
    [("ENABLE_NOTE", "ENABLE_NOTES"), ("enable_signup", "ENABLE_SIGNUP"), ("HTTP_PROXI", "HTTP_PROXY")],
)
def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    report = problems({name: "true"})
    assert f"{name} has no effect: Open WebUI 0.12.4 does not read it, did you mean {meant}?" in report
    assert "openWebui.pluginEnv" in report


def test_another_release_may_read_what_the_table_does_not_know() -> None:
    assert problems({"ENABLE_NEXT_YEAR": "true"}, version="0.13.0") == ""
    assert "set by the stack" in problems({"REDIS_URL": "redis://x"}, version="0.13.0")
    assert "plain text" in problems({"NEXT_YEARS_API_KEY": "hunter2"}, version="0.13.0")


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("PGSSLMODE", False),
        ("PGVECTOR_HNSW_M", True),
        ("UVICORN_LIMIT_CONCURRENCY", True),
        ("UVICORN_WS_PER_MESSAGE_DEFLATE", True),
        ("UVICORN_SSL_CERTFILE", False),
        ("OTEL_BSP_SCHEDULE_DELAY", True),
        ("OTEL_EXPORTER_OTLP_HEADERS", False),
        ("AWS_SECRET_ACCESS_KEY", False),
        ("AWS_MAX_ATTEMPTS", False),
        ("PYTHONPATH", False),
        ("PYTHONPYCACHEPREFIX", False),
        ("PYTHONFAULTHANDLER", True),
        ("HF_HOME", False),
        ("LC_ALL", True),
        ("https_proxy", True),
    ],
)
def test_variables_of_libraries_have_classes_too(name: str, accepted: bool) -> None:
    assert (problems({name: "5"}) == "") is accepted


def test_variables_of_plugins_are_those_that_nothing_else_reads() -> None:
    assert problems({}, pluginEnv={"MY_REGION": "eu"}) == ""
    assert "is a variable of Open WebUI" in problems({}, pluginEnv={"REDIS_URL": "redis://other"})
    assert "is a variable of Open WebUI" in problems({}, pluginEnv={"PGSSLMODE": "require"})
    refused = problems({}, pluginEnv={"MY_TOKEN": "hunter2"})
    assert "looks like a secret" in refused
    assert "pulumi config set --secret --path secretEnv.MY_TOKEN" in refused


@pytest.mark.parametrize("name", ["RAG_SOURCE_METADATA_KEYS", "LICENSE_PUBLIC_KEY"])
def test_a_name_that_only_sounds_like_a_secret_is_accepted_and_shown(name: str) -> None:
    assert problems({name: "name,page"}) == ""
    assert shown(f"openWebui.env.{name}", "name,page") == "name,page"


@pytest.mark.parametrize("name", ["SOUGOU_API_SK", "WEBHOOK_URL", "AUTOMATIC1111_API_AUTH", "TRUSTED_SIGNATURE_KEY"])
def test_a_secret_whose_name_does_not_say_so_is_hidden(name: str) -> None:
    report = problems({name: "hunter2"})
    assert "hunter2" not in report
    assert f"pulumi config set --secret {name}" in report


def test_the_policies_take_what_the_table_allows() -> None:
    variables = [variable for variable in variable_table().read if variable.is_secret is False]
    switches = ("'True'", "'False'", "'true'", "'false'")
    env = [{"name": each.name, "value": "true" if each.default in switches else "seven"} for each in variables]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "open-webui", "namespace": "rag-system"},
        "spec": {"template": {"spec": {"containers": [{"name": "open-webui", "env": env}]}}},
    }
    actual = [each for each in findings(RULES, [deployment], Context()) if each.rule.name == "no-plain-secrets"]
    assert len(env) > 500
    assert [each.violation.message for each in actual] == []


# Secret variables have config keys of their own.


def test_a_secret_variable_reaches_the_pods_by_the_secret_alone() -> None:
    recording = run("dev", ["openWebui.env.FEISHU_CLIENT_ID=stack"], {"FEISHU_CLIENT_SECRET": "hunter2-feishu"})
    for container in ("open-webui", "migrate"):
        [variable] = [
            variable
            for variable in recording.containers[f"open-webui/{container}"]["env"]
            if variable["name"] == "FEISHU_CLIENT_SECRET"
        ]
        reference = {"name": "openwebui-secret", "key": "FEISHU_CLIENT_SECRET"}
        assert variable == {"name": "FEISHU_CLIENT_SECRET", "valueFrom": {"secretKeyRef": reference}}
    contents = recording.one("Secret", "openwebui-secret").inputs["stringData"]
    assert "hunter2-feishu" in json.dumps(contents, default=str)
    deployment = recording.one("Deployment", "open-webui").inputs
    assert "hunter2-feishu" not in json.dumps(deployment, default=str)


def test_a_secret_variable_in_plain_text_is_refused_and_one_that_is_none_unknown() -> None:
    def report(key: str, *, encrypted: bool) -> str:
        values = {f"{PROJECT}:kubeContext": "test", f"{PROJECT}:{key}": "hunter2"}
        with pytest.raises(ConfigError) as error:
            parse(values, {f"{PROJECT}:{key}"} if encrypted else set())
        assert "hunter2" not in str(error.value)
        return str(error.value)

    assert "a secret in plain text" in report("OAUTH_CLIENT_SECRET", encrypted=False)
    assert "unknown key" in report("ENABLE_NOTES", encrypted=True)
    assert "unknown key" in report("QDRANT_API_KEY", encrypted=True)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("OAUTH_CLIENT_SECRT", "did you mean OAUTH_CLIENT_SECRET?"),
        ("ENABLE_NOTES", "did you mean openWebui.env.ENABLE_NOTES?"),
        ("ENABLE_NOTE", "did you mean openWebui.env.ENABLE_NOTES?"),
    ],
)
def test_a_variable_in_the_place_of_a_key_is_told_from_an_unknown_one(key: str, meant: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({f"{PROJECT}:kubeContext": "test", f"{PROJECT}:{key}": "hunter2"}, {f"{PROJECT}:{key}"})
    assert f"{key}: unknown key, {meant}" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("key", ["WEBUI_SECRET_KEY", "DATABASE_URL", "MILVUS_TOKEN", "LD_PRELOAD"])
def test_a_refused_variable_is_not_suggested(key: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({f"{PROJECT}:kubeContext": "test", f"{PROJECT}:{key}": "hunter2"}, {f"{PROJECT}:{key}"})
    assert f"{key}: unknown key\n" in str(error.value)


# The rest of the program.


def test_a_variable_with_a_warning_is_accepted_and_the_update_says_it() -> None:
    recording = run(
        "prod",
        ["openWebui.env.ENABLE_VALVE_ENCRYPTION=True", "openWebui.env.ENABLE_NOTES=false", *OPENAI],
        OPENAI_SECRETS,
    )
    [warning] = recording.warnings
    assert warning.startswith("openWebui.env.ENABLE_VALVE_ENCRYPTION encrypts the valves of plugins")
    assert run("prod", ["openWebui.env.ENABLE_VALVE_ENCRYPTION=false", *OPENAI], OPENAI_SECRETS).warnings == []


def test_a_config_without_variables_does_not_read_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    variable_table.cache_clear()
    monkeypatch.setattr(VariableTable, "__init__", lambda *_: pytest.fail("the table was read"))
    run("dev", S3, S3_SECRETS)
    variable_table.cache_clear()
