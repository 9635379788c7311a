"""A rotated password reaches the running server: no client is turned away, and no data is lost."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.servers.redis_server import (
    APPLICATION_PASSWORD,
    RELOAD_PASSWORD,
    REVOKED,
    Client,
    Server,
    on_every_engine,
    users_file,
)
from tests.support.servers.redis_wait import redis_wait
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import redis_program, running, wait_until
from tests.support.servers.steady_requests import Outcome, steady

SECOND_PASSWORD = "application-Password-second"
THIRD_PASSWORD = "application-Password-third"


def as_open_webui(server: Server, password: str) -> Client:
    """A client as Open WebUI makes it (`get_redis_connection`): one retry on a connection that was closed."""
    retry = redis.retry.Retry(redis.backoff.NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    url = f"redis://openwebui:{password}@127.0.0.1:{server.port}/0"
    return redis.Redis.from_url(url, decode_responses=True, retry=retry)


@contextmanager
def reloading(server: Server, manifest: Find) -> Iterator[Path]:
    """The sidecar of the pod at work, its script as rendered; the block has the path of its output."""
    script = server.directory / "reload-users.sh"
    script.write_text(manifest("prod", "ConfigMap", "redis-conf")["data"]["reload-users.sh"])
    (server.directory / "reload-password").write_text(RELOAD_PASSWORD)
    environment = {
        "PATH": os.environ["PATH"],
        "USERS_DIRECTORY": str(server.directory),
        "SERVER_PORT": str(server.port),
        "RELOAD_SECONDS": "0.2",
        "CLIENT": redis_program(f"{server.engine}-cli"),
    }
    log = server.directory / "reload.log"
    with running(
        ["sh", str(script)], directory=server.directory, log=log, stop_signal=signal.SIGTERM, environment=environment
    ) as process:
        wait_until(lambda: "Loaded" in log.read_text(), "the first load", 10)
        yield log
    # Ended by the signal, not killed after the pod's grace period.
    assert process.returncode == 0


def rotate(server: Server, *passwords: str) -> None:
    """Exchange the users' file as the kubelet does: all at once."""
    new = server.directory / "users.new"
    new.write_text(users_file(*passwords))
    new.replace(server.directory / "users.acl")


def takes(server: Server, password: str) -> bool:
    try:
        return bool(server.client("openwebui", password).ping())
    except redis.AuthenticationError:
        return False


def traffic(client: Client) -> AbstractContextManager[Outcome]:
    """Requests without a pause while the block runs."""

    def request(_number: int) -> None:
        assert client.get(REVOKED) == "1"

    return steady(request, pause=0)


@on_every_engine
def test_both_passwords_are_valid_and_no_request_fails(server: Server, manifest: Find) -> None:
    old = as_open_webui(server, APPLICATION_PASSWORD)
    old.set(REVOKED, "1", ex=3600)
    started = server.exporter().info("server")["run_id"]
    with reloading(server, manifest), traffic(old) as outcome:
        rotate(server, APPLICATION_PASSWORD, SECOND_PASSWORD)
        wait_until(lambda: takes(server, SECOND_PASSWORD), "the second password", 10)
        with traffic(as_open_webui(server, SECOND_PASSWORD)) as new:
            wait_until(lambda: takes(server, APPLICATION_PASSWORD), "both at the same time", 10)
            server.exporter().ping()
            for each in (outcome, new):
                wait_until(lambda each=each: each.answered > 100 or bool(each.errors), "requests", 30)  # type: ignore[misc]

    assert outcome.errors == []
    assert new.errors == []
    # The same server, with everything it had.
    assert server.exporter().info("server")["run_id"] == started
    assert server.client("openwebui", SECOND_PASSWORD).get(REVOKED) == "1"


@on_every_engine
def test_the_next_rotation_ends_the_first_password(server: Server, manifest: Find) -> None:
    with reloading(server, manifest):
        rotate(server, APPLICATION_PASSWORD, SECOND_PASSWORD)
        wait_until(lambda: takes(server, SECOND_PASSWORD), "the second password", 10)
        rotate(server, SECOND_PASSWORD, THIRD_PASSWORD)
        wait_until(lambda: takes(server, THIRD_PASSWORD), "the third password", 10)

        assert takes(server, SECOND_PASSWORD)
        assert not takes(server, APPLICATION_PASSWORD)


@on_every_engine
def test_a_file_that_cannot_be_read_changes_nothing(server: Server, manifest: Find) -> None:
    with reloading(server, manifest):
        (server.directory / "users.acl").write_text("user openwebui reset on nopass +nonsense\n")
        with pytest.raises(TimeoutError):
            wait_until(lambda: not takes(server, APPLICATION_PASSWORD), "a server without users", 1)
        rotate(server, APPLICATION_PASSWORD, SECOND_PASSWORD)
        wait_until(lambda: takes(server, SECOND_PASSWORD), "the second password", 10)


def test_a_new_pod_waits_until_the_server_knows_its_password(server: Server, manifest: Find) -> None:
    waiting = redis_wait(f"redis://openwebui:{SECOND_PASSWORD}@127.0.0.1:{server.port}/0", 30)
    assert waiting.stdout
    assert waiting.stdout.readline().endswith(
        ": Waiting up to 30 s: Redis is not ready for this pod: AuthenticationError\n"
    )

    with reloading(server, manifest):
        assert waiting.poll() is None
        rotate(server, APPLICATION_PASSWORD, SECOND_PASSWORD)
        output, _ = waiting.communicate(timeout=20)

    assert waiting.returncode == 0
    assert output.endswith(": Redis accepts the credentials of this pod.\n")
    assert SECOND_PASSWORD not in output


@pytest.mark.parametrize(("port", "error"), [("the server's", "AuthenticationError"), ("nobody's", "ConnectionError")])
def test_a_pod_whose_credentials_are_never_taken_does_not_start(server: Server, port: str, error: str) -> None:
    reached = server.port if port == "the server's" else 1
    waiting = redis_wait(f"redis://openwebui:wrong-Password@127.0.0.1:{reached}/0", 1)
    output, _ = waiting.communicate(timeout=20)

    assert waiting.returncode == 1
    reason = output.splitlines()[-1]
    assert reason.endswith(f": Redis did not accept the credentials of this pod within 1 s: {error}")
    assert "wrong-Password" not in output


@on_every_engine
def test_the_user_that_loads_may_do_nothing_else(server: Server) -> None:
    client = server.client("reload", RELOAD_PASSWORD)
    assert client.execute_command("ACL LOAD")
    for command in ("ACL LIST", "ACL SETUSER x on", "ACL SAVE", "CONFIG GET *", f"GET {REVOKED}", "PING", "INFO"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.client("reload", RELOAD_PASSWORD).execute_command(*command.split())
