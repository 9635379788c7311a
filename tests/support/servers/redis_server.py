"""A Redis with redis.conf as rendered and the ACL file, on a port of its own."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_args

import pytest
import redis

from components.redis.server.acl import acl_file
from components.redis.server.engines import Engine
from components.redis.server.places import DATA_DIRECTORY, USERS_DIRECTORY
from tests.support.servers.addresses import free_port
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import (
    check_alive,
    give_away,
    kill_container,
    redis_program,
    running,
    wait_until,
)

APPLICATION_PASSWORD = "application-Password-1"
EXPORTER_PASSWORD = "exporter-Password-2"
RELOAD_PASSWORD = "reload-Password-4"
INSPECTOR_PASSWORD = "inspector-Password-3"
Client = Any
"""redis.Redis. Its `execute_command` and `pubsub` have no types."""

ENGINES: tuple[Engine, ...] = get_args(Engine)
on_every_engine = pytest.mark.parametrize("engine", ENGINES)
"""Runs a test of Redis, whatever its fixtures, on every engine."""

WITHOUT_PAUSES = redis.retry.Retry(redis.backoff.NoBackoff(), 1)
"""For clients of the tests themselves: a closed connection is opened again once, and every other error is seen at once.
With its defaults redis-py 8 tries ten times, for seconds, also after a wrong password."""

REVOKED = "open-webui:auth:token:4711:revoked"


@dataclass(frozen=True)
class Server:
    """A running Redis."""

    port: int
    directory: Path
    """Where its configuration and ``users.acl`` are."""

    process: subprocess.Popen[bytes]
    engine: str

    def client(self, user: str | None, password: str | None, database: int = 0, **options: Any) -> Client:
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            db=database,
            username=user,
            password=password,
            decode_responses=True,
            **{"retry": WITHOUT_PAUSES, **options},
        )

    def kill(self) -> None:
        """What the node does to a container that needs too much memory: no time for anything."""
        kill_container(self.process)

    def openwebui(self, database: int = 0) -> Client:
        return self.client("openwebui", APPLICATION_PASSWORD, database)

    def exporter(self) -> Client:
        # As the program itself: it does not say which library it uses (CLIENT SETINFO, from Redis 7.2 on).
        return self.client("exporter", EXPORTER_PASSWORD, driver_info=None)

    def denials(self) -> list[str]:
        """What the server refused to anybody, from its own log."""
        inspector = self.client("inspector", INSPECTOR_PASSWORD)
        return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in inspector.acl_log()]

    def reset(self) -> None:
        """Bring it to the state after a start, for the next test: no keys, scripts, records or other clients."""
        inspector = self.client("inspector", INSPECTOR_PASSWORD)
        for kind in ("normal", "pubsub"):
            inspector.execute_command("CLIENT KILL", "TYPE", kind, "SKIPME", "yes")
        for command in ("FLUSHALL", "SCRIPT FLUSH", "ACL LOG RESET", "SLOWLOG RESET", "LATENCY RESET"):
            inspector.execute_command(*command.split())
        inspector.close()

    def url(self, database: int = 0) -> str:
        return f"redis://openwebui:{APPLICATION_PASSWORD}@127.0.0.1:{self.port}/{database}"


class Start(Protocol):
    """Function that starts the Redis of an environment, with these config keys set.

    `overrides` are lines of redis.conf after the rendered ones. A second start in the same test finds the files of the
    first one. The server has loaded them when the block runs, unless it is wanted `loading`.
    """

    def __call__(
        self, environment: str, *overrides: str, sets: tuple[str, ...] = (), loading: bool = False
    ) -> AbstractContextManager[Server]: ...


def users_file(*application_passwords: str) -> str:
    """The users as rendered, and one that may read the log of denials; only the tests have such a user."""
    users = acl_file(
        {
            "openwebui": application_passwords or (APPLICATION_PASSWORD,),
            "exporter": (EXPORTER_PASSWORD,),
            "reload": (RELOAD_PASSWORD,),
        }
    )
    return f"{users}user inspector reset on >{INSPECTOR_PASSWORD} ~* &* +@all\n"


@pytest.fixture(scope="session")
def engine() -> str:
    """``redis.engine``. A test that is parametrised with `ENGINES` runs on each of them."""
    return "redis"


@pytest.fixture
def start(directory: Path, engine: str) -> Start:
    def run(
        environment: str, *overrides: str, sets: tuple[str, ...] = (), loading: bool = False
    ) -> AbstractContextManager[Server]:
        return redis_server(directory, engine, environment, *overrides, sets=sets, loading=loading)

    return run


@contextmanager
def redis_server(
    directory: Path, engine: str, environment: str, *overrides: str, sets: tuple[str, ...] = (), loading: bool = False
) -> Iterator[Server]:
    """The Redis of an environment while the block runs (see `Start`), with its files in a directory of the servers."""
    rendered_conf = rendered(environment, "ConfigMap", "redis-conf", (f"redis.engine={engine}", *sets))
    text = rendered_conf["data"]["redis.conf"]
    assert f"{USERS_DIRECTORY}/" in text
    port = free_port()
    (directory / "users.acl").write_text(users_file())
    data = directory / "data"
    data.mkdir(exist_ok=True)
    give_away(data)
    placed = text.replace(f"{USERS_DIRECTORY}/", f"{directory}/").replace(f"dir {DATA_DIRECTORY}\n", f"dir {data}\n")
    here = ("bind 127.0.0.1", f"port {port}", *overrides)
    (directory / "redis.conf").write_text(placed + "\n".join(here) + "\n")
    log = directory / "redis.log"
    command = [redis_program(f"{engine}-server"), str(directory / "redis.conf")]
    with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
        server = Server(port, directory, process, engine)

        def answers() -> bool:
            check_alive(process, log)
            try:
                return bool(server.client("inspector", INSPECTOR_PASSWORD).ping())
            except redis.exceptions.BusyLoadingError:
                return loading
            except redis.ConnectionError:
                return False

        wait_until(answers, "Redis accepts connections")
        yield server


@pytest.fixture
def server(start: Start) -> Iterator[Server]:
    with start("prod") as running_server:
        yield running_server
