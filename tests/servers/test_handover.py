"""A handover of the schema between two real releases of Open WebUI: how long no server serves, and the way back."""

import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from components.open_webui.files.startup.handover import ATTEMPTS
from components.open_webui.releases import release_table
from tests.support.e2e.model_server import answer_to, model_server
from tests.support.repeated import repeated
from tests.support.servers.answers import ANSWER_SECONDS, ask, stored
from tests.support.servers.open_webui import OpenWebUI, Servers, servers
from tests.support.servers.open_webui_image import VERSION
from tests.support.servers.other_release import other_release
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import kill_container, wait_until
from tests.support.servers.slow_tier import slow

OLDER = "0.12.0"
"""The last release of another schema."""

RATIO = 0.8
"""Longest interruption by a handover, relative to the same steps one after the other: it leaves out the import by
`migrate`."""

ANNOUNCED = b"serve: Another release is about to migrate the database."


@dataclass(frozen=True)
class Upgrade:
    """Both releases on one database, of which the older one serves."""

    servers: Servers
    old: OpenWebUI
    new: OpenWebUI
    server: Replica

    def token(self, replica: Replica) -> str:
        answer = replica.sign_in("admin@example.com", self.new.admin_password)
        assert answer.status == 200, answer.text
        return str(answer.body["token"])

    def revision(self) -> Any:
        with self.servers.database.connect() as connection:
            return connection.execute(b"SELECT version_num FROM alembic_version").fetchone()

    def execute(self, statement: str) -> None:
        with self.servers.database.connect(autocommit=True, application_name="migrate test") as connection:
            connection.execute(statement.encode())

    @contextmanager
    def migrating(self, **changes: str) -> Iterator[Replica]:
        """The init container `migrate` of the newer release, after a failed attempt too."""
        self.execute(f"DROP TABLE IF EXISTS {ATTEMPTS}")
        with self.new.migrating(**changes) as container:
            yield container


@pytest.fixture(scope="module")
def upgrade() -> Iterator[Upgrade]:
    assert release_table().change(OLDER, VERSION).across_schemas
    with servers() as around, model_server("127.0.0.1") as model_url:
        settings = (f"openWebui.openaiApiBaseUrl={model_url}", "openWebui.schemaUpgrade=handover")
        new = around.open_webui("dev", *settings, openaiApiKey="key-of-tests")
        with other_release(new, OLDER) as old:
            old.migrated()
            with old.replicas(1) as [server]:
                yield Upgrade(around, old, new, server)


def status(replica: Replica, path: str = "/api/version") -> int:
    """HTTP status; 0 if nothing answers."""
    try:
        return replica.request("GET", path).status
    except (OSError, urllib.error.URLError):
        return 0


def wait_for(replica: Replica, text: str, seconds: float = 120) -> None:
    """Wait until a log has this text."""
    wait_until(lambda: text in replica.log.read_text(errors="replace"), f"the log has: {text}", seconds)


def answers_again(upgrade: Upgrade) -> None:
    """The older release serves, in the same container, with the same data."""
    wait_until(lambda: status(upgrade.server, "/health/db") == 200, "the old release serves again", 120)
    assert upgrade.server.process.poll() is None
    assert upgrade.server.request("GET", "/api/version").body["version"] == OLDER
    assert upgrade.token(upgrade.server)


@slow
def test_after_a_migration_that_failed_or_was_killed_the_old_release_serves_again(upgrade: Upgrade) -> None:
    before = upgrade.revision()
    # The migration creates a table of that name.
    upgrade.execute("CREATE TABLE app (id text)")
    with upgrade.migrating() as failing:
        assert failing.process.wait(120) == 1
        output = failing.log.read_text()
    assert 'relation "app" already exists' in output
    assert output.index("No server serves after") < output.index('relation "app" already exists')
    answers_again(upgrade)
    assert upgrade.revision() == before

    upgrade.execute("DROP TABLE app")
    with upgrade.servers.database.connect(application_name="migrate test") as connection, upgrade.migrating() as killed:
        connection.execute(b"LOCK TABLE channel_member IN ACCESS SHARE MODE")
        wait_for(killed, "The migration begins")
        wait_until(lambda: status(upgrade.server, "/health/db") == 503, "the old release waits")
        assert status(upgrade.server, "/health") == 200
        kill_container(killed.process)
    answers_again(upgrade)
    assert upgrade.revision() == before


def ask_until(upgrade: Upgrade, token: str) -> list[tuple[str, str]]:
    """Ask the older release, again before the last answer is complete, until it has to stop."""
    asked: list[tuple[str, str]] = []
    announcements = upgrade.server.log.read_bytes().count(ANNOUNCED)
    while upgrade.server.log.read_bytes().count(ANNOUNCED) == announcements:
        asked.append(ask(upgrade.server, token, len(asked)))
        time.sleep(ANSWER_SECONDS / 2)
    return asked


def test_the_new_release_serves_soon_after_the_old_one_and_the_answer_in_progress_is_whole(
    upgrade: Upgrade,
) -> None:
    server, token = upgrade.server, upgrade.token(upgrade.server)
    stopped_at: list[float] = []
    ready_at: list[float] = []

    def look() -> None:
        if not ready_at and b"Everything is ready" in migration.log.read_bytes():
            ready_at.append(time.monotonic())
        if not stopped_at and status(server) != 200:
            stopped_at.append(time.monotonic())

    began = time.monotonic()
    # Without the wait for a lost session, it announces the migration when the import is complete.
    with upgrade.migrating(MIGRATE_NOTICE_SECONDS="0") as migration, repeated(look, pause=0.05):
        asked = ask_until(upgrade, token)
        assert migration.process.wait(180) == 0, migration.log.read_text()
        with upgrade.new.starting() as successor:
            wait_until(lambda: status(successor) == 200, "the new release answers", 120)
            interruption = time.monotonic() - stopped_at[0]
            assert successor.request("GET", "/api/version").body["version"] == VERSION
            token = upgrade.token(successor)
            for number, (chat, message) in enumerate(asked):
                answer = stored(successor, token, chat, message)
                assert answer["done"] is True
                assert answer["content"].strip() == answer_to(f"Speak for {ANSWER_SECONDS} s, number {number}.")
            # The old one is alive and does not serve, nor does one that starts late.
            with upgrade.old.starting() as late:
                wait_for(late, f"Open WebUI {OLDER} serves b8f2c6d91a04 only.")
                time.sleep(1)
                assert [status(each, path) for each in (server, late) for path in ("/health", "/health/db")] == [
                    200,
                    503,
                    200,
                    503,
                ]
            assert status(successor, "/health/db") == 200
    one_after_the_other = ready_at[0] - began + interruption
    print(f"{interruption:.1f} s of {one_after_the_other:.1f} s: {interruption / one_after_the_other:.2f}")
    assert interruption < RATIO * one_after_the_other
