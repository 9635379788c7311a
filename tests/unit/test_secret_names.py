"""The one rule for names of secrets, and that everything which asks it gets the same answer."""

from typing import Any

import pytest

from components.blocks.secret_names import holds_secret, is_secret_name, suggests_secret
from components.open_webui.environment_names import looks_secret
from components.open_webui.files.startup.output import secrets
from components.open_webui.variables import variable_table
from policy.rules import RULES
from policy.rules.rule import Context, findings
from pulumi_values.special import SECRET
from stack_config.report import HIDDEN
from stack_config.report import shown as shown_in_report
from stackctl.drift.differences import value_at
from stackctl.redaction import redact, shown

SECRET_NAMES = [
    "PASSWORD",
    "DATABASE_PASSWORD",
    "PGPASSWORD",
    "REDISCLI_AUTH",
    "VALKEYCLI_AUTH",
    "MYSQL_PWD",
    "DB_PWD",
    "dbPwd",
    "DB_PASS",
    "LDAP_PASSWD",
    "KEY_PASSPHRASE",
    "SENTRY_DSN",
    "JWT_KEY",
    "API_KEY",
    "apiKey",
    "x-api-key",
    "OPENAI_API_KEYS",
    "S3_KEY2",
    "API_KEY_2",
    "ENCRYPTION_KEY",
    "KEY",
    "OAUTH_CLIENT_SECRET",
    "OAUTH_CLIENT_SECRETS",
    "clientSecret",
    "clientsecret",
    "HF_TOKEN",
    "GITHUB_TOKEN_1",
    "authtoken",
    "API_TOKENS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SOUGOU_API_SK",
    "OPENAI_API_CONFIGS",
    "TOOL_SERVER_CONNECTIONS",
    "WEBHOOK_URL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "AUTOMATIC1111_API_AUTH",
    "AZURE_STORAGE_CONNECTION_STRING",
    "DB_CREDENTIALS",
    "requirepass",
    "masterauth",
    "auth-pass",
    "redis-password",
]

OTHER_NAMES = [
    "RAG_SOURCE_METADATA_KEYS",
    "LICENSE_PUBLIC_KEY",
    "TOKENIZERS_PARALLELISM",
    "AUTOMATION_AUTH_TOKEN_EXPIRES_IN",
    "FORWARD_USER_INFO_HEADER_JWT_EXPIRES_SECONDS",
    "BRAVE_SEARCH_CONTEXT_TOKENS",
    "MAX_TOKENS",
    "CONTEXT_COMPACTION_TOKEN_CAP",
    "PASSWORD_FILE",
    "SECRET_NAME",
    "PASSWORD_HASH_ALGORITHM",
    "API_KEYS_ALLOWED_ENDPOINTS",
    "CUSTOM_API_KEY_HEADER",
    "REDIS_KEY_PREFIX",
    "ENABLE_API_KEYS",
    "ENABLE_PASSWORD_AUTH",
    "ENABLE_FORWARD_USER_INFO_HEADERS",
    "CORS_ALLOW_HEADERS",
    "CORS_ALLOW_CREDENTIALS",
    "CODE_EXECUTION_JUPYTER_AUTH",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AIOHTTP_POOL_CONNECTIONS",
    "MAX_SERVER_CONNECTIONS",
    "OAUTH_CLIENT_ID",
    "KMS_KEY_ID",
    "PWD",
    "OLDPWD",
    "BYPASS",
    "MONKEY",
    "KEYBOARD",
    "TASK_MODEL",
    "DATABASE_URL",
    "key",
    "topologyKey",
    "secretName",
    "checksum/redis-config",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["", "_", "1", *OTHER_NAMES])
def test_names_of_other_values(name: str) -> None:
    assert not is_secret_name(name)


def test_the_rule_agrees_with_the_table_of_variables() -> None:
    """A person has classified these. The one exception is a switch, whose value shows that it is not a secret."""
    variables = [variable for name in variable_table().names if (variable := variable_table().get(name))]
    decided = [variable for variable in variables if variable.is_secret is not None]
    assert len(decided) > 600
    assert {each.name for each in decided if is_secret_name(each.name) is not each.is_secret} == {
        "USER_PERMISSIONS_FEATURES_API_KEYS"
    }


@pytest.mark.parametrize(
    ("value", "secret"), [("", False), ("true", False), ("False", False), ("hunter2", True), ("1", True)]
)
def test_neither_a_switch_nor_an_empty_value_is_a_secret(value: str, secret: bool) -> None:
    assert holds_secret("ANY_API_KEYS", value) is secret


@pytest.mark.parametrize(("name", "suggestive"), [("auth", True), ("tlsCert", True), ("dbPwd", True), ("size", False)])
def test_an_undeclared_name_is_doubted(name: str, suggestive: bool) -> None:
    assert suggests_secret(name) is suggestive


def container(name: str) -> dict[str, Any]:
    return {"name": "web", "env": [{"name": name, "value": "hunter2"}]}


def refused_by_the_pack(name: str) -> bool:
    pod = {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container(name)]}}
    return any(finding.rule.name == "no-plain-secrets" for finding in findings(RULES, [pod], Context()))


@pytest.mark.parametrize("name", [*SECRET_NAMES, *OTHER_NAMES])
def test_all_that_ask_give_the_answer_of_the_rule(name: str) -> None:
    answers = {
        "config": looks_secret(name),
        "report": shown_in_report(f"openWebui.env.{name}", "hunter2") == HIDDEN,
        "pack": refused_by_the_pack(name),
        "comment": shown("hunter2", name=name) == SECRET,
        "text in a comment": redact(f"{name} = hunter2") == f"{name} = {SECRET}",
        "drift": value_at(container(name), "env[0].value") == SECRET,
        "pod": "hunter2" in secrets({name: "hunter2"}),
    }
    assert answers == dict.fromkeys(answers, is_secret_name(name))
