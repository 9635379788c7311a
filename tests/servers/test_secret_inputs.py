"""Secrets by name and by reference in a real Open WebUI: they have their effect, and no log has them."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.e2e.model_server import model_server
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, servers
from tests.support.servers.replica import Replica

PLUGIN = """
import hashlib, os

class Pipe:
    def pipes(self):
        value = os.environ["ACME_LOGIN"]
        return [{"id": hashlib.sha256(value.encode()).hexdigest(), "name": "acme"}]

    def pipe(self, body):
        return ""
"""
"""A function of Open WebUI: the ID of its model is the hash of the secret that the plugin reads."""

VALUES = {
    "admin": "password-of/the+operator",
    "model": "sk-key-of/the+operator",
    "plugin": "login-of/the+operator",
    "signing": "signing-key-of/the+operator",
}
REFERENCES = {"WEBUI_ADMIN_PASSWORD": "admin", "WEBUI_SECRET_KEY": "signing", "openaiApiKey": "model"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started:
    """A replica with secrets in all ways."""

    deployment: OpenWebUI
    replica: Replica
    migration: str
    """What its init container printed."""


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    """A stack with an external Redis, whose secrets are in the Secret `vault`, but that of a plugin."""
    with ExitStack() as resources:
        around = resources.enter_context(servers())
        model_url = resources.enter_context(model_server("127.0.0.1"))
        references = {**REFERENCES, "redisCacheUrl": "redis-url"}
        sets = [
            f"openWebui.openaiApiBaseUrl={model_url}",
            "redis.topology=external",
            "redis.external.hosts=127.0.0.1",
            f"redis.external.port={around.redis.port}",
            *(f"existingSecrets.{name}.name=vault" for name in references),
            *(f"existingSecrets.{name}.key={key}" for name, key in references.items()),
        ]
        deployment = around.open_webui("dev", *sets, secretEnv=json.dumps({"ACME_LOGIN": VALUES["plugin"]}))
        vault = {**VALUES, "redis-url": around.redis.url(0)}
        deployment = dataclasses.replace(deployment, secrets={**around.secrets, "vault": vault})
        migration = deployment.migrated()
        [replica] = resources.enter_context(deployment.replicas(1))
        yield Started(deployment=deployment, replica=replica, migration=migration)


@pytest.fixture(scope="module")
def token(started: Started) -> str:
    """A sign-in of the administrator with the password of the Secret that is referred to."""
    answer = started.replica.sign_in(ADMIN_EMAIL, VALUES["admin"])
    assert answer.status == 200, answer.text
    return str(answer.body["token"])


def test_tokens_are_signed_with_the_key_of_the_secret(started: Started, token: str) -> None:
    check = "import jwt, sys; jwt.decode(sys.argv[1], sys.argv[2], algorithms=['HS256']); print('verified')"
    run = f"import sys; sys.argv = ['', {token!r}, {VALUES['signing']!r}]; {check}"
    assert started.deployment.run(run).stdout.endswith("verified\n")
    wrong = started.deployment.run(run.replace(VALUES["signing"], "another-key"))
    assert wrong.returncode != 0


def test_redis_is_reached_by_the_url_of_the_secret(started: Started, token: str) -> None:
    """A sign-out is in Redis: without it the token would stay valid."""
    another = str(started.replica.sign_in(ADMIN_EMAIL, VALUES["admin"]).body["token"])
    assert started.replica.request("POST", "/api/v1/auths/signout", token=another).status == 200
    assert started.replica.request("GET", "/api/v1/auths/", token=another).status == 401
    assert started.replica.request("GET", "/api/v1/auths/", token=token).status == 200


def test_a_plugin_reads_its_secret(started: Started, token: str) -> None:
    form = {"id": "acme", "name": "acme", "content": PLUGIN, "meta": {"description": ""}}
    created = started.replica.request("POST", "/api/v1/functions/create", form, token=token)
    assert created.status == 200, created.text
    assert started.replica.request("POST", "/api/v1/functions/id/acme/toggle", token=token).status == 200
    models = started.replica.request("GET", "/api/models", token=token).body["data"]
    digest = hashlib.sha256(VALUES["plugin"].encode()).hexdigest()
    assert {"test-model", f"acme.{digest}"} <= {model["id"] for model in models}


def test_no_log_has_a_secret(started: Started) -> None:
    """After all of the above, at the log level DEBUG of `dev`."""
    logs = {"migrate": started.migration, "open-webui": started.replica.log.read_text()}
    assert "DEBUG" in logs["open-webui"]
    for container, text in logs.items():
        assert len(text) > 100, container
        assert [name for name, value in VALUES.items() if value in text] == [], container
