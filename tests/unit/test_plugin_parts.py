"""The components for parts of the stack: which arguments they have, and which rules hold for these."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from components.blocks.secret_inputs import SecretInputs
from composition.outputs import OUTPUTS
from plugin.arguments import ArgumentsError, read
from plugin.beside import placed, refusal
from plugin.names import NOT_ARGUMENTS, PACKAGE, STACK
from plugin.parts import COMPONENTS, Component
from plugin.schema import package_schema
from stack_config.files import ROOT
from stack_config.keys import config_keys
from stack_config.secret_keys import SECRET_KEYS, SECRET_MAPS
from stack_config.settings import StackSettings
from tests.support.unit.component_arguments import UNKNOWN, argument, secret, wrapped
from tests.support.unit.mistakes_in_servers import CLOUDNATIVE_PG

SCHEMA = package_schema()
REDIS, POSTGRESQL, OPEN_WEBUI = (COMPONENTS[f"{PACKAGE}:index:{name}"] for name in ("Redis", "PostgreSQL", "OpenWebUI"))
PARTS = (REDIS, POSTGRESQL, OPEN_WEBUI)
HOSTS: dict[str, dict[str, Any]] = {
    "redis": {"external": {"hosts": "redis-service.chat.svc"}},
    "postgresql": {"external": {"hosts": "postgres.chat.svc"}},
    "openWebui": {"uploads": {"acceptLoss": True}},
}
URLS = {"redisCacheUrl": UNKNOWN, "databaseUrl": UNKNOWN}


def refused(component: Component, values: Mapping[str, Any]) -> str:
    """The report on arguments; fails if there is none."""
    with pytest.raises(ArgumentsError) as error:
        read("part", {name: argument(value) for name, value in values.items()}, component)
    return str(error.value)


def valid(component: Component, values: Mapping[str, Any]) -> tuple[StackSettings, SecretInputs]:
    """Settings and secrets of valid arguments. Outputs need an event loop."""

    async def construct() -> tuple[StackSettings, SecretInputs]:
        return read("part", {name: argument(value) for name, value in values.items()}, component)

    return asyncio.run(construct())


def names_in(component: Component) -> set[str]:
    return {*SCHEMA["resources"][component.token]["inputProperties"]}


def test_every_key_and_every_secret_is_an_argument_of_the_whole_stack() -> None:
    whole = COMPONENTS[STACK]
    assert all(whole.has(path) for path in config_keys() if path.partition(".")[0] not in NOT_ARGUMENTS)
    assert {*whole.secrets} == ({*SECRET_KEYS} - {*NOT_ARGUMENTS}) | {*SECRET_MAPS}
    assert {*whole.outputs} == {*OUTPUTS}


@pytest.mark.parametrize("component", PARTS, ids=lambda component: component.name)
def test_the_declaration_of_a_part_names_keys_that_exist(component: Component) -> None:
    assert {*component.keys, *component.without} <= config_keys().keys()
    assert {*component.secrets} <= {*SECRET_KEYS, *SECRET_MAPS}
    assert {*component.outputs} <= {*OUTPUTS}
    assert all(component.has(key) for key in component.keys)
    assert not any(component.has(key) for key in component.without)


@pytest.mark.parametrize("component", PARTS, ids=lambda component: component.name)
def test_the_schema_has_the_arguments_of_the_declaration(component: Component) -> None:
    inputs = SCHEMA["resources"][component.token]["inputProperties"]
    assert names_in(component) == {key.partition(".")[0] for key in component.keys} | {*component.secrets}
    for name, schema in inputs.items():
        members = SCHEMA["types"].get(schema.get("$ref", "").removeprefix("#/types/"), {}).get("properties")
        if members is None or name in SECRET_MAPS:
            continue
        declared = {key.split(".")[1] for key in config_keys() if re.fullmatch(rf"{name}\.\w+", key)}
        assert members.keys() == {member for member in declared if component.has(f"{name}.{member}")}, name


def test_the_outputs_of_a_part_are_known_without_an_existing_secret() -> None:
    for component, outputs in ((REDIS, 3), (POSTGRESQL, 2)):
        assert len(SCHEMA["resources"][component.token]["required"]) == outputs
    assert "adminPassword" not in SCHEMA["resources"][OPEN_WEBUI.token]["required"]


def test_an_argument_of_another_part_is_refused() -> None:
    text = refused(REDIS, {"openWebui": {"replicas": 3}, "databaseUrl": secret("x"), "rotate": {"postgresql": 2}})
    assert "openWebui: not an argument of Redis" in text
    assert "databaseUrl: not an argument of Redis" in text
    assert "rotate.postgresql: not an argument of Redis\n  value:    [hidden]\n  allowed:  one of redis" in text


@pytest.mark.parametrize("key", NOT_ARGUMENTS)
def test_where_the_cluster_is_is_not_an_argument(key: str) -> None:
    assert f"{key}: not an argument: the component uses the cluster of its caller" in refused(REDIS, {key: "prod"})


def test_a_wrong_argument_has_the_message_of_the_config_key() -> None:
    assert "redis.maxmemroy: unknown key, did you mean redis.maxmemory?" in refused(
        REDIS, {"redis": {"maxmemroy": "1gb"}}
    )


def test_a_part_with_servers_deploys_them() -> None:
    for component, key in ((REDIS, "redis"), (POSTGRESQL, "postgresql")):
        text = refused(component, {key: {"topology": "external"}})
        assert f"{key}.topology: external: the component {component.name} deploys the servers" in text
        assert "have 1 problem" in text


def test_rules_between_parts_do_not_hold_for_one_part() -> None:
    few = {"postgresql": {"maxConnections": 20}}
    with pytest.raises(ArgumentsError, match="Open WebUI pods, draining ones included"):
        read("stack", {name: argument(value) for name, value in few.items()})
    settings, _ = valid(POSTGRESQL, few)
    assert settings.postgresql.max_connections == 20
    proxy = {"pods": {"proxy": {"httpsProxy": "http://proxy.corp:3128"}}}
    assert valid(REDIS, proxy)[0].pods.proxy.https_proxy


def test_a_part_has_no_quota() -> None:
    assert not valid(REDIS, {})[0].limits_namespace
    assert all("quota" not in names_in(component) for component in PARTS)


def test_open_webui_connects_to_the_servers_of_other_parts() -> None:
    settings, secrets = valid(OPEN_WEBUI, HOSTS | URLS)
    assert settings.redis.is_external
    assert settings.postgresql.is_external
    assert secrets.names == {"redisCacheUrl", "databaseUrl"}


def test_open_webui_needs_hosts_and_urls() -> None:
    text = refused(OPEN_WEBUI, {"openWebui": {"uploads": {"acceptLoss": True}}})
    assert "redis.external.hosts: " in text
    assert "postgresql.external.hosts: " in text
    missing = refused(OPEN_WEBUI, HOSTS)
    assert "the secret redisCacheUrl is missing" in missing
    assert "the secret databaseUrl is missing" in missing


@pytest.mark.parametrize("topology", ["standalone", "sentinel", "cluster"])
def test_open_webui_accepts_the_urls_of_the_other_parts(topology: str) -> None:
    external = {
        "standalone": {"hosts": "redis-service.chat.svc"},
        "sentinel": {"hosts": "redis-nodes.chat.svc", "sentinelHosts": "redis-sentinel.chat.svc"},
        "cluster": {"kind": "cluster", "hosts": "redis-service.chat.svc"},
    }[topology]
    servers, _ = valid(REDIS, {"redis": {"topology": topology}})
    layout: Any = servers.redis.layout
    url = layout.url("secret", layout.websocket_database, "chat")
    secrets = {"redisCacheUrl": secret(url), "databaseUrl": secret("postgresql://a:b@postgres.chat.svc:5432/chats")}
    settings, _ = valid(OPEN_WEBUI, HOSTS | {"redis": {"external": external}} | secrets)
    assert settings.redis.external.resolved_kind == topology


def test_open_webui_verifies_the_servers_of_other_parts() -> None:
    servers, _ = valid(REDIS, {"redis": {"tls": {"secretName": "redis-tls"}}})
    layout: Any = servers.redis.layout
    database, _ = valid(POSTGRESQL, {"postgresql": CLOUDNATIVE_PG})
    authorities = {
        "redis": {"external": {**HOSTS["redis"]["external"], "certificateAuthoritySecret": "redis-tls"}},
        "postgresql": {"external": {**HOSTS["postgresql"]["external"], "certificateAuthoritySecret": "postgres-ca"}},
    }
    secrets = {
        "redisCacheUrl": secret(layout.url("secret", 0, "chat")),
        "databaseUrl": secret(database.postgresql.layout.url("postgresql://a:b@postgres.chat.svc:5432/chats")),
    }
    settings, _ = valid(OPEN_WEBUI, HOSTS | authorities | secrets)
    assert settings.redis.layout.authority == layout.authority
    assert settings.postgresql.layout.authority == database.postgresql.layout.authority


def test_the_page_has_the_report_on_an_argument_of_another_component() -> None:
    page = (ROOT / "docs" / "component-package.md").read_text()
    _, shown = re.findall(r"^```text\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    with pytest.raises(ArgumentsError) as error:
        read("cache", {"redis": argument({"external": {"hosts": "redis.example.com"}})}, REDIS)
    assert str(error.value).startswith(shown)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((REDIS, {}), (REDIS, {"namespace": "other"}), "a Pulumi stack has one Redis"),
        ((REDIS, {}), (POSTGRESQL, {}), "and both would create it"),
        ((REDIS, {}), (POSTGRESQL, {"createNamespace": False}), ""),
        ((REDIS, {"namespace": "one"}), (POSTGRESQL, {"namespace": "two"}), ""),
        ((COMPONENTS[STACK], {}), (REDIS, {"createNamespace": False}), "the objects of OpenWebUIStack have the same"),
        (
            (POSTGRESQL, {"backup": {"enabled": True}}),
            (OPEN_WEBUI, {"createNamespace": False, "backup": {"enabled": True}}),
            "both have backups",
        ),
    ],
    ids=["one type", "two namespaces", "one namespace", "apart", "the whole stack", "two backups"],
)
def test_components_that_would_register_the_same_are_refused(
    first: tuple[Component, Mapping[str, Any]], second: tuple[Component, Mapping[str, Any]], message: str
) -> None:
    one, other = (
        placed(component.token, name, {key: wrapped(value) for key, value in values.items()})
        for name, (component, values) in (("one", first), ("other", second))
    )
    reason = refusal(other, [one])
    assert message in reason
    assert bool(message) == bool(reason)
