"""The script `migrate` against a real PostgreSQL, with a small fake in the place of Open WebUI."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from components.open_webui.files.startup.lock import LOCK_KEY
from components.open_webui.files.startup.output import secrets
from components.open_webui.files.startup.record import RECORD
from components.open_webui.files.startup.release import read_revision
from tests.support.servers.fake_open_webui import (
    ADMIN_PASSWORD,
    FAKE_MAIN,
    PASSWORD,
    FakeOpenWebUI,
    ended,
    first_line,
    last_line,
)
from tests.support.servers.postgresql_database import Database
from tests.support.servers.redis_server import APPLICATION_PASSWORD, INSPECTOR_PASSWORD, Server, users_file
from tests.support.servers.server_process import wait_until


@pytest.fixture
def stopped(database: Database, tmp_path: Path) -> Iterator[FakeOpenWebUI]:
    """The fake with a database that is not running and has nothing in it yet."""
    database.write_password(PASSWORD.encode())
    fake = FakeOpenWebUI(tmp_path / "app", database)
    yield fake
    fake.end()


@pytest.fixture
def fake(stopped: FakeOpenWebUI) -> Iterator[FakeOpenWebUI]:
    """The fake with its database."""
    stopped.database.copied()
    with stopped.database.serving():
        yield stopped


def test_first_start_does_the_work_and_the_next_has_nothing_to_do(fake: FakeOpenWebUI) -> None:
    status, output = fake.run()

    assert status == 0, output
    assert last_line(output).startswith("migrate: Ready for Open WebUI 1.0.0 after ")
    assert fake.query("SELECT version_num FROM alembic_version") == [("bbbb",)]
    assert fake.query("SELECT served FROM fake") == [(None,)]
    assert fake.lock_holders() == []

    begun = time.monotonic()
    status, output = fake.run()

    assert (status, output) == (0, "migrate: Nothing to do: the database is ready for Open WebUI 1.0.0.\n")
    assert time.monotonic() - begun < 10
    assert fake.starts() == 1


def test_of_three_at_once_one_works_and_the_others_wait_and_have_nothing_to_do(fake: FakeOpenWebUI) -> None:
    processes = [fake.start(**fake.hold()) for _ in range(3)]
    first_lines = [first_line(process) for process in processes]
    fake.let_go()
    outputs = [ended(process) for process in processes]

    assert [status for status, _ in outputs] == [0, 0, 0]
    assert sorted("Ready for" in output for _, output in outputs) == [False, False, True]
    assert sorted("Nothing to do" in output for _, output in outputs) == [False, True, True]
    waiting = [line for line in first_lines if line.startswith("migrate: Waiting up to 1860 s: 'migrate ")]
    assert len(waiting) == 2
    assert all("(from 127.0.0.1, PID " in line for line in waiting)
    assert fake.starts() == 1


def test_it_waits_for_a_database_that_comes_up(stopped: FakeOpenWebUI) -> None:
    stopped.database.copied()
    process = stopped.start()
    first = first_line(process)
    with stopped.database.serving():
        status, output = ended(process)

        assert first.startswith("migrate: Waiting up to 300 s for the database 127.0.0.1:"), first
        assert (status, stopped.starts()) == (0, 1), output


def test_a_database_that_stays_away_is_a_clear_failure(stopped: FakeOpenWebUI) -> None:
    status, output = stopped.run(MIGRATE_DATABASE_WAIT_SECONDS="1")

    assert status == 1
    assert f"127.0.0.1:{stopped.database.port}/" in last_line(output)
    assert "could not be reached within 1 s: " in last_line(output)
    assert PASSWORD not in output
    assert quote(PASSWORD, safe="") not in output


def test_a_wrong_password_is_named_and_not_printed(fake: FakeOpenWebUI) -> None:
    wrong = fake.url.replace(quote(PASSWORD, safe=""), "wrong%2Fsecret")

    status, output = fake.run(DATABASE_URL=wrong, MIGRATE_DATABASE_WAIT_SECONDS="1")

    assert status == 1
    assert "password authentication failed" in last_line(output)
    assert "wrong/secret" not in output
    assert "wrong%2Fsecret" not in output


@pytest.mark.parametrize(
    "url",
    ["", "sqlite:///hidden-word.db", "postgresql://u:hidden-word@[h/d", "postgresql://u:%zz-hidden-word@h/d"],
)
def test_an_unusable_url_is_refused_without_being_printed(stopped: FakeOpenWebUI, url: str) -> None:
    status, output = stopped.run(DATABASE_URL=url, MIGRATE_DATABASE_WAIT_SECONDS="0.1")

    assert status == 1
    assert "DATABASE_URL" in last_line(output)
    assert "hidden-word" not in output
    assert "Traceback" not in output


def test_giving_up_on_the_lock_names_its_holder(fake: FakeOpenWebUI) -> None:
    with closing(fake.database.connect(password=PASSWORD, application_name="migrate pod-7", autocommit=True)) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        status, output = fake.run(MIGRATE_LOCK_WAIT_SECONDS="1")

        assert status == 1
        assert "Gave up after 1 s: 'migrate pod-7' (from 127.0.0.1, " in last_line(output)
        assert f"PID {other.info.backend_pid}" in last_line(output)
        assert fake.tables() == []


def test_a_holder_that_dies_releases_the_lock(fake: FakeOpenWebUI) -> None:
    holder = fake.start(**fake.hold())
    wait_until(lambda: fake.starts() == 1, "the first is at work")
    os.killpg(holder.pid, signal.SIGKILL)
    fake.let_go()

    status, output = fake.run()

    assert status == 0, output
    assert fake.query("SELECT ended IS NULL FROM fake ORDER BY id") == [(True,), (False,)]


def test_the_lock_outlives_a_killed_parent_as_long_as_its_child_works(fake: FakeOpenWebUI) -> None:
    holder = fake.start(**fake.hold())
    # Not earlier: a child that prints when its parent is gone ends, and the lock with it.
    wait_until(fake.is_held, "the first is at work")
    holder.kill()
    second = fake.start()
    line = first_line(second)
    fake.let_go()

    status, output = ended(second)

    assert "is at work on the database" in line
    assert status == 0, output
    assert fake.query("SELECT a.ended < b.begun FROM fake a, fake b WHERE (a.id, b.id) = (1, 2)") == [(True,)]


def test_told_to_stop_it_ends_its_child_and_releases_the_lock(fake: FakeOpenWebUI) -> None:
    process = fake.start(**fake.hold())
    wait_until(lambda: fake.starts() == 1, "it is at work")
    process.terminate()

    status, _ = ended(process, 20)

    assert status == 143
    wait_until(lambda: fake.lock_holders() == [], "the lock is free")
    assert RECORD not in fake.tables()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_with_the_lock_lost_the_child_is_ended(fake: FakeOpenWebUI) -> None:
    process = fake.start(**fake.hold())
    wait_until(lambda: fake.starts() == 1, "it is at work")
    fake.query(f"SELECT pg_terminate_backend({fake.lock_holders()[0][0]})")

    status, output = ended(process, 30)

    assert status == 1
    assert last_line(output).startswith("migrate: The database refused or was lost: ")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(fake: FakeOpenWebUI) -> None:
    with closing(fake.database.connect(password=PASSWORD, autocommit=True)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('cccc')")

    status, output = fake.run()

    assert status == 1
    assert "is at revision cccc, which Open WebUI 1.0.0 does not know" in last_line(output)
    assert fake.tables() == ["alembic_version"]
    assert fake.query("SELECT version_num FROM alembic_version") == [("cccc",)]


FAILURES = [
    ({"FAKE_ERROR": f"cannot use {ADMIN_PASSWORD}"}, "ended with status 1: RuntimeError: cannot use [redacted]"),
    ({"FAKE_NO_USERS": "1"}, "ended with status 1: The first administrator could not be created"),
    ({"FAKE_HEAD": "aaaa"}, "The database is at ['aaaa'] after that, not at ['bbbb']."),
    ({"FAKE_WAITS_FOR_THE_END_OF": __file__, "MIGRATE_RUN_SECONDS": "3"}, "took longer than 3 s and has been ended"),
    ({"MIGRATE_RUN_SECONDS": "soon"}, "MIGRATE_RUN_SECONDS is 'soon'"),
]


def test_a_failure_has_a_reason_and_is_not_recorded(fake: FakeOpenWebUI) -> None:
    for environment, reason in FAILURES:
        status, output = fake.run(**environment)

        assert status == 1, output
        assert reason in last_line(output)
        assert RECORD not in fake.tables()
    assert fake.run()[0] == 0
    assert RECORD in fake.tables()


def test_a_start_without_its_boundary_is_a_failure(fake: FakeOpenWebUI) -> None:
    file = fake.directory / "backend" / "open_webui" / "main.py"
    call = "    await install_tool_and_function_dependencies()\n"
    for old, new, reason in (
        (call, "", "went past"),
        ("install_tool_and_function_dependencies", "other", "has no step"),
    ):
        file.write_text(FAKE_MAIN.replace(old, new))

        status, output = fake.run()

        assert status == 1
        assert f"{reason} install_tool_and_function_dependencies" in last_line(output)
        assert RECORD not in fake.tables()


def test_no_secret_is_in_the_output_even_if_open_webui_prints_it(fake: FakeOpenWebUI) -> None:
    status, output = fake.run(OPENAI_API_KEY="sk-1234567890", OTHER_URL="https://me:In-Url-1@example.com/x")

    assert status == 0, output
    assert "fake: the environment is" in output
    for secret in (PASSWORD, quote(PASSWORD, safe=""), ADMIN_PASSWORD, "sk-1234567890", "In-Url-1"):
        assert secret not in output
    assert "admin@example.com" in output


def test_it_waits_for_redis_before_it_touches_the_database(
    fake: FakeOpenWebUI, server: Server, directory: Path
) -> None:
    (directory / "users.acl").write_text(users_file("another-Password"))
    as_inspector = server.client("inspector", INSPECTOR_PASSWORD)
    as_inspector.execute_command("ACL LOAD")

    status, output = fake.run(REDIS_URL=server.url(), MIGRATE_REDIS_WAIT_SECONDS="1")

    assert status == 1
    assert last_line(output) == (
        "migrate: Redis did not accept the credentials of this pod within 1 s: AuthenticationError"
    )
    assert fake.tables() == []

    process = fake.start(REDIS_URL=server.url())
    assert "Waiting up to 300 s: Redis is not ready for this pod: AuthenticationError" in first_line(process)
    (directory / "users.acl").write_text(users_file())
    as_inspector.execute_command("ACL LOAD")
    status, output = ended(process)

    # The fake fails unless it was started without Redis.
    assert status == 0, output
    assert "migrate: Redis accepts the credentials of this pod.\n" in output
    assert APPLICATION_PASSWORD not in output


def test_a_setting_that_decides_what_a_start_creates_is_a_reason_to_start_again(fake: FakeOpenWebUI) -> None:
    oauth = {"ENABLE_OAUTH_PERSISTENT_CONFIG": "true"}
    for environment, starts in (({}, 1), (oauth, 2), ({**oauth, "GLOBAL_LOG_LEVEL": "DEBUG"}, 2)):
        assert fake.run(**environment)[0] == 0
        assert fake.starts() == starts


def test_another_version_starts_again(fake: FakeOpenWebUI) -> None:
    assert fake.run()[0] == 0
    (fake.directory / "package.json").write_text('{"version": "1.0.1"}')

    status, output = fake.run()

    assert (status, fake.starts()) == (0, 2)
    assert "Ready for Open WebUI 1.0.1" in last_line(output)


def test_a_server_without_pgvector_is_refused_where_open_webui_would_create_it(fake: FakeOpenWebUI) -> None:
    if fake.query("SELECT FROM pg_available_extensions WHERE name = 'vector'"):
        pytest.skip("this server has pgvector")
    status, output = fake.run(PGVECTOR_CREATE_EXTENSION="true")

    assert status == 1
    assert "The server has no pgvector" in last_line(output)
    assert fake.tables() == []

    assert "No tables for documents" in fake.run()[1]
    assert "document_chunk" not in fake.tables()


def test_a_migration_may_follow_several(tmp_path: Path) -> None:
    file = tmp_path / "merge.py"
    file.write_text("import gone\nother = gone.x\nrevision: str = 'c'\ndown_revision: tuple[str, ...] = ('a', 'b')\n")

    assert read_revision(file) == ("c", ("a", "b"))


def test_what_counts_as_a_secret() -> None:
    environment = {
        "A_TOKEN": "token-value",
        "SHORT_KEY": "abc",
        "REDIS_KEY_PREFIX": "prefix",
        "URLS": "http://u:one%20x@h;http://u:two@@h/?password=three",
        "PLAIN": "http://host:8080/a@b",
    }

    assert set(secrets(environment)) >= {"token-value", "one%20x", "one x", "three"}
    assert not {"abc", "prefix", "http://host:8080/a@b", "host", ""} & set(secrets(environment))
