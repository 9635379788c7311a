"""A Redis with redis.conf as rendered and the ACL file, on a port of its own."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from components.redis.acl import acl_file
from tests.servers.server_process import check_alive, free_port, redis_program, running, wait_until

APPLICATION_PASSWORD = "application-Password-1"
EXPORTER_PASSWORD = "exporter-Password-2"
INSPECTOR_PASSWORD = "inspector-Password-3"
Client = Any
"""redis.Redis. Its `execute_command` and `pubsub` have no types."""

REVOKED = "open-webui:auth:token:4711:revoked"


@dataclass(frozen=True)
class Server:
    """A running Redis."""

    port: int

    def client(self, user: str | None, password: str | None, database: int = 0) -> Client:
        return redis.Redis(
            host="127.0.0.1", port=self.port, db=database, username=user, password=password, decode_responses=True
        )

    def openwebui(self, database: int = 0) -> Client:
        return self.client("openwebui", APPLICATION_PASSWORD, database)

    def exporter(self) -> Client:
        return self.client("exporter", EXPORTER_PASSWORD)

    def denials(self) -> list[str]:
        """What the server refused to anybody, from its own log."""
        inspector = self.client("inspector", INSPECTOR_PASSWORD)
        return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in inspector.acl_log()]

    def url(self, database: int = 0) -> str:
        return f"redis://openwebui:{APPLICATION_PASSWORD}@127.0.0.1:{self.port}/{database}"


Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture
def start(directory: Path, manifest: Callable[[str, str, str], dict[str, Any]]) -> Start:
    """Function of an environment that starts its Redis. `overrides` are lines of redis.conf after the rendered ones."""

    @contextmanager
    def run(environment: str, *overrides: str) -> Iterator[Server]:
        rendered = manifest(environment, "ConfigMap", "redis-conf")["data"]["redis.conf"]
        assert "/etc/redis-acl/" in rendered
        port = free_port()
        users = acl_file(openwebui_password=APPLICATION_PASSWORD, exporter_password=EXPORTER_PASSWORD)
        # Only the test has somebody who may read the log of denials.
        (directory / "users.acl").write_text(f"{users}user inspector reset on >{INSPECTOR_PASSWORD} ~* &* +@all\n")
        here = ("bind 127.0.0.1", f"port {port}", f"dir {directory}", *overrides)
        (directory / "redis.conf").write_text(
            rendered.replace("/etc/redis-acl/", f"{directory}/") + "\n".join(here) + "\n"
        )
        log = directory / "redis.log"
        command = [redis_program("redis-server"), str(directory / "redis.conf")]
        with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
            server = Server(port)

            def answers() -> bool:
                check_alive(process, log)
                try:
                    return bool(server.client("inspector", INSPECTOR_PASSWORD).ping())
                except redis.ConnectionError:
                    return False

            wait_until(answers, "Redis accepts connections")
            yield server

    return run


@pytest.fixture
def server(start: Start) -> Iterator[Server]:
    with start("prod") as running_server:
        yield running_server
