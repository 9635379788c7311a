"""A rotation of the signing key signs everybody out, and nothing that is stored becomes unreadable."""

import base64
import hmac
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES, STASH
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.replica import Replica

ACCESS_TOKEN = "access-token-of-the-identity-provider"
DERIVED: dict[str, str | None] = dict.fromkeys(ENCRYPTION_VARIABLES)
"""Without the keys of their own: Open WebUI derives them from the signing key, as with the stack's first releases."""

SETTINGS = ("openWebui.auth.mfa.enabled=true", "openWebui.env.ENABLE_API_KEYS=true")
STEP_SECONDS = 30

WRITE_OAUTH_SESSION = f"""
import asyncio, sys, time
from open_webui.models.oauth_sessions import OAuthSessions
token = {{"access_token": "{ACCESS_TOKEN}", "expires_at": int(time.time()) + 86400}}
session = asyncio.run(OAuthSessions.create_session("USER", "oidc", token))
print("session", session.id)
"""
"""What the application does at the end of a sign-in by OAuth."""


def one_time_password(secret: str, step: int) -> str:
    """Of an authenticator app: https://www.rfc-editor.org/rfc/rfc6238."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


@dataclass
class Person:
    """The administrator, with all that 0.12.4 keeps of a person under a key."""

    authenticator: str
    """Secret of the authenticator app."""

    used_step: int
    token: str
    api_key: str
    oauth_session: str

    def sign_in(self, replica: Replica, password: str) -> str:
        """Sign in with password and authenticator; the token."""
        challenge = replica.sign_in(ADMIN_EMAIL, password).body
        assert challenge["next_step"] == "verify", challenge
        # A code is taken once, and one step early at most.
        self.used_step = max(self.used_step + 1, int(time.time()) // STEP_SECONDS)
        time.sleep(max(0.0, (self.used_step - 1) * STEP_SECONDS - time.time() + 1))
        code = one_time_password(self.authenticator, self.used_step)
        form = {"challenge_token": challenge["challenge_token"], "code": code}
        verified = replica.request("POST", "/api/v1/auths/mfa/verify", form)
        assert verified.status == 200, verified.text
        return str(verified.body["token"])


def enrolled(replica: Replica, deployment: OpenWebUI) -> Person:
    """The administrator after the first sign-in, with an authenticator, an API key and a session of OAuth."""
    challenge = replica.sign_in(ADMIN_EMAIL, deployment.admin_password).body
    assert challenge["next_step"] == "enroll", challenge
    form = {"challenge_token": challenge["challenge_token"]}
    secret = replica.request("POST", "/api/v1/auths/mfa/enroll/start", form).body["manual_key"].replace(" ", "")
    step = int(time.time()) // STEP_SECONDS
    form["code"] = one_time_password(secret, step)
    confirmed = replica.request("POST", "/api/v1/auths/mfa/enroll/confirm", form)
    assert confirmed.status == 200, confirmed.text
    token = str(confirmed.body["token"])
    api_key = replica.request("POST", "/api/v1/auths/api_key", token=token).body["api_key"]
    written = deployment.run(WRITE_OAUTH_SESSION.replace("USER", confirmed.body["id"]), **DERIVED)
    assert written.returncode == 0, written.stdout
    return Person(secret, step, token, api_key, written.stdout.split()[-1])


@dataclass
class Models:
    """A service of models that keeps what clients authorize themselves with."""

    url: str = ""
    authorizations: list[str] = field(default_factory=list)


@contextmanager
def models() -> Iterator[Models]:
    service = Models()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.authorizations.append(self.headers.get("Authorization", ""))
            body = json.dumps({"object": "list", "data": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """A stack that was there before the keys were, and then rotated the signing key."""

    around: Servers
    models: Models
    person: Person
    before: OpenWebUI
    after: OpenWebUI
    replicas: list[Replica]


@pytest.fixture(scope="module")
def rotated() -> Iterator[Rotated]:
    with ExitStack() as resources:
        around = resources.enter_context(servers())
        service = resources.enter_context(models())
        before = around.open_webui("dev", *SETTINGS, f"openWebui.openaiApiBaseUrl={service.url}", openaiApiKey="key")
        migrated = before.migrate(**DERIVED)
        assert migrated.returncode == 0, migrated.stdout
        with before.replicas(1, **DERIVED) as [replica]:
            person = enrolled(replica, before)
            assert replica.request("GET", "/api/v1/auths/", token=person.token).status == 200
        after = around.open_webui(
            "dev",
            *SETTINGS,
            f"openWebui.openaiApiBaseUrl={service.url}",
            "rotate.openWebui=2",
            stashes={STASH: before.signing_key},
            openaiApiKey="key",
        )
        assert after.signing_key != before.signing_key
        assert "migrate: Nothing to do" in after.migrated()
        replicas = resources.enter_context(after.replicas(2))
        yield Rotated(around=around, models=service, person=person, before=before, after=after, replicas=replicas)


def test_a_rotation_ends_the_sign_ins(rotated: Rotated) -> None:
    for replica in rotated.replicas:
        assert replica.request("GET", "/api/v1/auths/", token=rotated.person.token).status == 401


def test_api_keys_outlive_a_rotation(rotated: Rotated) -> None:
    for replica in rotated.replicas:
        assert replica.request("GET", "/api/models", token=rotated.person.api_key).status == 200


def test_a_second_factor_outlives_a_rotation(rotated: Rotated) -> None:
    first, second = rotated.replicas
    token = rotated.person.sign_in(first, rotated.after.admin_password)
    assert second.request("GET", "/api/v1/auths/", token=token).status == 200


def test_a_session_of_oauth_outlives_a_rotation(rotated: Rotated) -> None:
    first, second = rotated.replicas
    token = rotated.person.sign_in(first, rotated.after.admin_password)
    settings = {
        "ENABLE_OPENAI_API": True,
        "OPENAI_API_BASE_URLS": [rotated.models.url],
        "OPENAI_API_KEYS": [""],
        "OPENAI_API_CONFIGS": {"0": {"auth_type": "system_oauth"}},
    }
    assert first.request("POST", "/openai/config/update", settings, token=token).status == 200
    for replica in (first, second):
        rotated.models.authorizations.clear()
        cookie = {"Cookie": f"oauth_session_id={rotated.person.oauth_session}"}
        assert replica.request("GET", "/openai/models/0", token=token, headers=cookie).status == 200
        assert rotated.models.authorizations == [f"Bearer {ACCESS_TOKEN}"]


def test_without_keys_of_their_own_a_replica_of_the_rotated_stack_does_not_start(rotated: Rotated) -> None:
    with rotated.after.starting(**DERIVED) as replica:
        assert replica.process.wait(180) == 3
        assert "Stored MFA secrets cannot be decrypted" in replica.log.read_text()


@pytest.mark.parametrize("script", ["migrate", "preflight"])
def test_a_key_that_does_not_decrypt_second_factors_is_refused_before_the_pods(rotated: Rotated, script: str) -> None:
    run = getattr(rotated.after, script)
    other = base64.urlsafe_b64encode(bytes(32)).decode()
    for key, reason in ((other, "does not decrypt (1 users)"), ("short", "has to be 32 bytes in URL-safe base64")):
        refused = run(MFA_ENCRYPTION_KEY=key)
        assert refused.returncode == 1
        assert reason in refused.stdout
        assert key not in refused.stdout
    accepted = run()
    assert accepted.returncode == 0, accepted.stdout
