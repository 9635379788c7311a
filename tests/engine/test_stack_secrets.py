"""A secret is in the encrypted state, the Kubernetes Secret and the secret output, and nowhere else in plain text."""

import json

from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import GIVEN_SECRETS, Namespace, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)


def test_the_search_finds_every_secret_where_it_belongs(base: Stack, live: Namespace) -> None:
    """The control of the tests below: the same search over the Secrets and the outputs finds them."""
    in_kubernetes = json.dumps([item for item in live.objects() if item["kind"] == "Secret"])
    contents = {(name, key): value for name, secret in live.secrets().items() for key, value in secret.items()}
    # Their names alone: a failing test prints what it compares.
    for secret, key in (("openaiApiKey", "openai-api-key"), ("FEISHU_CLIENT_SECRET", "FEISHU_CLIENT_SECRET")):
        places = [name for name, value in contents.items() if value == GIVEN_SECRETS[secret]]
        assert places == [("openwebui-secret", key)]
    assert len(seen_in(in_kubernetes, set(contents.values()))) == len(set(contents.values()))
    assert {("redis-config", "cache-url"), ("postgresql-secret", "database-url")} <= set(contents)
    outputs = json.dumps(base.outputs())
    passwords = {value for value in secret_values(live) if value in outputs}
    assert len(passwords) >= 6, "two URLs of Redis, one of the database, their two passwords, the administrator's"


def test_no_object_but_the_secrets_shows_one(live: Namespace) -> None:
    objects = [item for item in live.objects() if item["kind"] != "Secret"]
    assert {"ConfigMap", "Deployment", "ReplicaSet", "StatefulSet", "Pod", "Event", "Namespace"} <= {
        item["kind"] for item in objects
    }
    assert seen_in(json.dumps(objects), secret_values(live)) == []


def test_the_state_shows_none(base: Stack, live: Namespace) -> None:
    state = json.dumps(base.state())
    assert "Secret" in state
    assert seen_in(state, secret_values(live)) == []


def test_nothing_that_the_engine_says_shows_one(base: Stack, live: Namespace) -> None:
    """Every command on this stack so far, and what shows the most: differences with --debug, a refresh, a rotation."""
    rotated = [f"rotate.{name}=9" for name in ("redis", "postgresql", "openWebui")]
    output = base.preview(*rotated, diff=True, debug=True).text
    assert any("redis-config" in line and "[secret]" in line for line in output)
    base.preview("openWebui.adminEmail=root@example.com", diff=True, log_to_std_err=True, log_verbosity=3)
    base.refresh(diff=True, debug=True)
    base.transcript.append(base.pulumi("stack", "--show-urns"))
    base.transcript.append(base.pulumi("stack", "output", "--json"))
    base.transcript.append(base.pulumi("config", "--json"))
    text = "\n".join(base.transcript)
    assert "Deployment" in text
    assert seen_in(text, secret_values(live)) == []


def test_the_config_file_shows_none(base: Stack, live: Namespace) -> None:
    config = json.dumps(base.config())
    assert "secure" in config
    assert seen_in(config, secret_values(live)) == []
