"""Connections to models and tools: the position in each list, references to secrets, destinations, what is stored."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.open_webui.connections import literal
from components.open_webui.files.startup.connection_secrets import connection_problems
from components.open_webui.files.startup.stored_settings import stored_rows
from components.open_webui.models import ModelSettings
from components.open_webui.tools import ToolSettings
from policy.rules.plain_secrets import plain_secrets
from policy.rules.rule import Context
from tests.support.servers.kubelet_variables import expanded
from tests.support.unit.config_reports import report
from tests.support.unit.recording import Recording, run

SECRETS = {"A_KEY": "first", "B_KEY": "second", "C_KEY": "third"}

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
services = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"url": st.builds(lambda name: f"https://{name}.example.com/v1", names)},
        optional={
            "apiKeyFrom": st.sampled_from(sorted(SECRETS)),
            "prefix": texts,
            "modelIds": st.lists(texts, max_size=2),
        },
    ),
    min_size=1,
    max_size=4,
)


def container(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container with the secrets and these variables."""
    environment = dict(SECRETS)
    for name, value in variables.items():
        environment[name] = expanded(value, environment)
    return environment


@given(services)
def test_each_service_has_its_own_key_and_entry_wherever_it_is_in_the_config(config: dict[str, Any]) -> None:
    settings = ModelSettings.model_validate({"openai": config})
    variables = settings.composed_variables({})
    moved = ModelSettings.model_validate({"openai": dict(reversed(config.items()))})
    assert moved.composed_variables({}) == variables
    environment = {**container(variables), "STORED_SETTINGS": ",".join(variables)}
    assert connection_problems(environment) == []
    rows = stored_rows(environment)
    actual = [
        (
            url,
            key,
            rows["openai.api_configs"][str(index)]["prefix_id"],
            rows["openai.api_configs"][str(index)]["model_ids"],
        )
        for index, (url, key) in enumerate(zip(rows["openai.api_base_urls"], rows["openai.api_keys"], strict=True))
    ]
    assert actual == [
        (
            each["url"],
            SECRETS.get(each.get("apiKeyFrom", ""), ""),
            each.get("prefix", ""),
            each.get("modelIds", []),
        )
        for _, each in sorted(config.items())
    ]


@given(st.text(max_size=40))
def test_the_kubelet_leaves_a_literal_as_it_is(text: str) -> None:
    assert expanded(literal(text), {"HOME": "/"}) == text


@pytest.fixture(scope="module")
def connected() -> Recording:
    return run(
        "dev",
        [
            "openWebui.models.openai.b.url=https://b.example.com/v1",
            "openWebui.models.openai.b.apiKeyFrom=B_KEY",
            "openWebui.models.openai.a.url=http://vllm.models.svc:8000/v1",
            "openWebui.models.openai.a.headersFrom.X-Team=A_KEY",
            "openWebui.tools.servers.tickets.url=http://10.1.2.3:8080",
            "openWebui.tools.servers.off.url=http://off.tools.svc",
            "openWebui.tools.servers.off.enabled=false",
        ],
        {"secretEnv": json.dumps(SECRETS)},
    )


def test_a_reference_comes_after_the_variable_that_it_names(connected: Recording) -> None:
    for name in ("open-webui/open-webui", "open-webui/migrate", "open-webui-preflight/preflight"):
        variables = [variable["name"] for variable in connected.containers[name]["env"]]
        assert max(map(variables.index, SECRETS)) < min(
            variables.index(each) for each in ("OPENAI_API_KEYS", "OPENAI_API_CONFIGS", "TOOL_SERVER_CONNECTIONS")
        )
        assert len(variables) == len(set(variables))


def test_only_what_writes_the_settings_knows_their_names(connected: Recording) -> None:
    stored = {
        name: [each for each in variable["value"].split(",") if each not in SECRETS]
        for name, each in connected.containers.items()
        for variable in each.get("env", [])
        if variable["name"] == "STORED_SETTINGS"
    }
    lists = ["OPENAI_API_BASE_URLS", "OPENAI_API_CONFIGS", "OPENAI_API_KEYS"]
    expected = ["ENABLE_OPENAI_API", *lists, "TOOL_SERVER_CONNECTIONS"]
    assert stored == {"open-webui/migrate": expected, "open-webui-preflight/preflight": expected}


def test_the_network_policy_opens_the_services_in_use(connected: Recording) -> None:
    egress = json.dumps(connected.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"])
    assert '"kubernetes.io/metadata.name": "models"' in egress
    assert '"10.1.2.3/32"' in egress
    assert '"kubernetes.io/metadata.name": "tools"' not in egress


def test_a_stack_without_connections_stores_nothing() -> None:
    recording = run("dev", ["openWebui.ollamaBaseUrl=http://ollama:11434"])
    names = [variable["name"] for variable in recording.containers["open-webui/migrate"]["env"]]
    assert not {"STORED_SETTINGS", "OPENAI_API_KEYS", "OLLAMA_API_CONFIGS"} & set(names)


def test_every_problem_of_the_secrets_is_in_one_report() -> None:
    models = {
        "openai": {
            "a": {"url": "https://a.example.com", "apiKeyFrom": "A_KEY"},
            "b": {"url": "https://b.example.com", "headersFrom": {"X-Team": "B_KEY"}},
        }
    }
    secrets = {"secretEnv": {"A_KEY": "hunter2;x"}, "OPENAI_API_KEYS": "hunter2"}
    text = report({"openWebui": {"models": models}, **secrets}, frozenset(secrets))
    assert "has 3 problems" in text
    assert "\n\nsecretEnv.A_KEY: the secret A_KEY contains a semicolon" in text
    assert "\n\nsecretEnv.B_KEY: the secret B_KEY is missing; openWebui.models.openai.b.headersFrom.X-Team" in text
    assert "\n\nOPENAI_API_KEYS: the secret OPENAI_API_KEYS conflicts with openWebui.models" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("name", ["OPENAI_API_CONFIGS", "TOOL_SERVER_CONNECTIONS"])
@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ('{"0": {"key": "$(A_KEY)", "headers": {"X-Cost": "5"}}}', True),
        ('{"0": {"key": "hunter2"}}', False),
        ('[{"key": "", "headers": {"Authorization": "hunter2"}}]', False),
        ('[{"config": {"client_secret": "hunter2"}}]', False),
        ("$(A_KEY);$(B_KEY)", True),
        ("$(A_KEY);hunter2", False),
        ("hunter2;$(A_KEY)", False),
    ],
)
def test_the_policy_accepts_references_alone(name: str, value: str, accepted: bool) -> None:
    spec = {"containers": [{"name": "web", "env": [{"name": name, "value": value}]}]}
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": spec}
    assert (list(plain_secrets(pod, Context(production=False))) == []) is accepted


def test_a_tool_server_is_for_administrators_unless_the_settings_say_otherwise() -> None:
    servers = {"a": {"url": "http://a"}, "b": {"url": "http://b", "access": "everyone"}}
    text = ToolSettings.model_validate({"servers": servers}).composed_variables({})["TOOL_SERVER_CONNECTIONS"]
    assert [len(each["config"]["access_grants"]) for each in json.loads(text)] == [0, 1]
