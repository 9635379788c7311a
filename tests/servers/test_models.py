"""Several services of models and a tool server with real Open WebUI processes: each gets its own key and calls."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.servers.model_services import FUNCTION, TICKET, Service, model_service, tool_server
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.replica import Answer, Replica

SECRETS = {
    "FAST_API_KEY": "sk-fast-$(HOME)$$",
    "ARCHIVE_API_KEY": "sk-archive/+=é",
    "TOOLS_API_KEY": "tools-key",
    "TEAM_KEY": "team-key",
}
"""Secrets with characters that a shell, the kubelet or JSON might change."""


@dataclass(frozen=True, kw_only=True)
class Connected:
    """Two replicas, two services that need different keys, one that needs none, and a tool server."""

    around: Servers
    deployment: OpenWebUI
    replicas: list[Replica]
    fast: Service
    archive: Service
    local: Service
    tools: Service

    def admin(self) -> str:
        """A new sign-in of the administrator."""
        answer = self.replicas[0].sign_in(ADMIN_EMAIL, self.deployment.admin_password)
        assert answer.status == 200, answer.text
        return str(answer.body["token"])


def settings(fast: Service, archive: Service, local: Service, tools: Service) -> tuple[str, ...]:
    """Config keys of the services."""
    models, servers_ = "openWebui.models.openai", "openWebui.tools.servers"
    return (
        f"{models}.fast.url={fast.url}",
        f"{models}.fast.apiKeyFrom=FAST_API_KEY",
        f"{models}.fast.prefix=fast",
        f"{models}.fast.tags[0]=cheap",
        f"{models}.fast.headers.X-Cost=$5",
        f"{models}.fast.headersFrom.X-Team-Key=TEAM_KEY",
        f"{models}.archive.url={archive.url}/",
        f"{models}.archive.apiKeyFrom=ARCHIVE_API_KEY",
        f"{models}.archive.modelIds[0]=large",
        f"{models}.local.url={local.url}",
        f"{servers_}.tickets.url={tools.url}",
        f"{servers_}.tickets.authType=key",
        f"{servers_}.tickets.apiKeyFrom=TOOLS_API_KEY",
        f"{servers_}.tickets.title=Tickets",
    )


@pytest.fixture(scope="module")
def connected() -> Iterator[Connected]:
    with ExitStack() as resources:
        around = resources.enter_context(servers())
        services = {
            "fast": resources.enter_context(model_service("small", key=SECRETS["FAST_API_KEY"])),
            "archive": resources.enter_context(
                model_service("small", "large", key=SECRETS["ARCHIVE_API_KEY"].encode().decode("latin-1"))
            ),
            "local": resources.enter_context(model_service("tiny", key="")),
            "tools": resources.enter_context(tool_server(SECRETS["TOOLS_API_KEY"])),
        }
        deployment = around.open_webui("dev", *settings(**services), secretEnv=json.dumps(SECRETS))
        deployment.migrated()
        replicas = resources.enter_context(deployment.replicas(2))
        yield Connected(around=around, deployment=deployment, replicas=replicas, **services)


def ask(replica: Replica, token: str, model: str, text: str, **body: object) -> Answer:
    """One question without a chat."""
    message = {"role": "user", "content": text}
    return replica.request(
        "POST", "/api/chat/completions", {"model": model, "stream": False, "messages": [message], **body}, token=token
    )


def models(replica: Replica, token: str) -> dict[str, list[str]]:
    """The models that a replica offers, with their tags."""
    listed = replica.request("GET", "/api/models?refresh=true", token=token).body["data"]
    return {model["id"]: [tag["name"] for tag in model.get("tags", [])] for model in listed if not model.get("arena")}


def test_every_replica_lists_the_models_of_every_service(connected: Connected) -> None:
    token = connected.admin()
    for replica in connected.replicas:
        assert models(replica, token) == {"fast.small": ["cheap"], "large": [], "tiny": []}
    for service in (connected.fast, connected.archive, connected.local, connected.tools):
        assert service.refused == []


@pytest.mark.parametrize(
    ("model", "name", "requested"),
    [("fast.small", "fast", "small"), ("large", "archive", "large"), ("tiny", "local", "tiny")],
)
def test_a_chat_goes_to_its_service_with_its_key(connected: Connected, model: str, name: str, requested: str) -> None:
    token, service = connected.admin(), getattr(connected, name)
    others = [each for each in (connected.fast, connected.archive, connected.local) if each is not service]
    before = [len(each.calls) for each in others]
    for replica in connected.replicas:
        assert models(replica, token)
        answer = ask(replica, token, model, f"To {name}?")
        assert answer.status == 200, answer.text
        assert f"To {name}?" in answer.body["choices"][0]["message"]["content"]
        assert service.calls[-1].body["model"] == requested
    assert not any(
        "chat" in call.path for each, count in zip(others, before, strict=True) for call in each.calls[count:]
    )
    assert service.refused == []


def test_headers_arrive_as_the_settings_say(connected: Connected) -> None:
    token = connected.admin()
    assert models(connected.replicas[0], token)
    assert ask(connected.replicas[0], token, "fast.small", "With headers?").status == 200
    headers = connected.fast.calls[-1].headers
    assert (headers["X-Cost"], headers["X-Team-Key"]) == ("$5", "team-key")


def test_a_model_calls_the_tool_server_with_its_key(connected: Connected) -> None:
    token, replica = connected.admin(), connected.replicas[1]
    listed = replica.request("GET", "/api/v1/tools/", token=token).body
    assert [(tool["id"], tool["name"]) for tool in listed] == [("server:tickets", "Tickets")]
    answer = ask(
        replica,
        token,
        "tiny",
        "What is in ticket 7?",
        tool_ids=["server:tickets"],
        params={"function_calling": "legacy"},
    )
    assert answer.status == 200, answer.text
    assert TICKET in answer.body["choices"][0]["message"]["content"]
    assert FUNCTION not in connected.tools.calls[-1].path
    assert (connected.tools.calls[-1].path, connected.tools.calls[-1].body) == ("/tickets", {"number": "7"})
    assert connected.tools.refused == []


def test_users_do_not_see_a_tool_server_for_administrators(connected: Connected) -> None:
    token, replica = connected.admin(), connected.replicas[0]
    user = {"name": "User", "email": "user@example.com", "password": "a-long-password-1", "role": "user"}
    added = replica.request("POST", "/api/v1/auths/add", user, token=token)
    assert added.status == 200, added.text
    assert replica.request("GET", "/api/v1/tools/", token=added.body["token"]).body == []


def test_changed_settings_reach_running_replicas_when_the_next_pod_starts(connected: Connected) -> None:
    token, replica = connected.admin(), connected.replicas[0]
    with model_service("small", key="sk-new") as moved:
        services = settings(moved, connected.archive, connected.local, connected.tools)
        changed = connected.around.open_webui(
            "dev", *services, secretEnv=json.dumps({**SECRETS, "FAST_API_KEY": "sk-new"})
        )
        try:
            stored = "Settings of the stack stored in the database: openai.api_base_urls, openai.api_keys."
            assert stored in changed.migrated()
            assert models(replica, token)["fast.small"] == ["cheap"]
            assert ask(replica, token, "fast.small", "After the move?").status == 200
            assert moved.calls[-1].body["messages"][-1]["content"] == "After the move?"
            assert moved.refused == []
            assert "stored in the database" not in changed.migrated()
        finally:
            connected.deployment.migrated()
    assert ask(replica, token, "fast.small", "Back again?").status == 200


def test_open_webui_itself_ignores_changed_variables_of_a_used_database(connected: Connected) -> None:
    """The reason for `stored_settings`: without it a new key would have no effect."""
    unused = "http://127.0.0.1:1/v1;http://127.0.0.1:1/v1;http://127.0.0.1:1/v1"
    with connected.deployment.replicas(1, OPENAI_API_BASE_URLS=unused, OPENAI_API_KEYS=";;") as [replica]:
        token = connected.admin()
        assert set(models(replica, token)) == {"fast.small", "large", "tiny"}


def test_secrets_that_break_the_list_are_refused_before_the_update(connected: Connected) -> None:
    """Of a Secret that exists the program does not know the contents; the preflight sees them."""
    refused = connected.deployment.preflight(OPENAI_API_KEYS="sk-one;sk-two;sk-three;sk-four")
    assert refused.returncode == 1
    assert "one of the keys contains a semicolon" in refused.stdout
    assert "sk-two" not in refused.stdout
    broken = connected.deployment.preflight(TOOL_SERVER_CONNECTIONS='[{"key": "a"b"}]')
    assert broken.returncode == 1
    assert "TOOL_SERVER_CONNECTIONS is not valid JSON" in broken.stdout
    missing = connected.deployment.migrate(OPENAI_API_KEYS="$(GONE_API_KEY);;")
    assert missing.returncode == 1
    assert "secret variables that the container does not have: GONE_API_KEY." in missing.stdout
