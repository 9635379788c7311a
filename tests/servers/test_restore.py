"""backup.sh restore, as rendered, on a real PostgreSQL: nothing is lost by it."""

import os
import signal

import pytest
from psycopg.errors import InsufficientPrivilege

from components.open_webui.files.startup.rights import grant_rights
from components.postgresql.names import CLIENT_ROLE
from tests.support.servers.backups import ROWS, Backups, program_before
from tests.support.servers.backups import backups as backups
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER
from tests.support.servers.server_process import wait_until


def test_what_is_restored_is_what_was_dumped(backups: Backups) -> None:
    before = backups.contents()
    backups.done()
    backups.execute(
        """DELETE FROM chat WHERE id <= 100; UPDATE "user" SET name = 'changed'; DROP SCHEMA notes CASCADE"""
    )

    output = backups.done("restore", "newest")

    assert backups.contents() == before
    assert f"3 tables with {ROWS} rows" in output
    # The next number of a serial column is part of it.
    assert backups.execute("INSERT INTO chat (user_id) VALUES ('u1') RETURNING id") == [(501,)]


def test_a_restore_takes_away_what_the_dump_does_not_know(backups: Backups) -> None:
    backups.done()
    backups.execute(
        """CREATE TABLE newer (id text REFERENCES "user"); CREATE VIEW seen AS SELECT * FROM chat;
        CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; CREATE TYPE mood AS ENUM ('good')"""
    )

    backups.done("restore", "newest")

    assert backups.execute("SELECT to_regclass('newer'), to_regclass('seen'), to_regproc('f'), to_regtype('mood')") == [
        (None, None, None, None)
    ]


def test_what_was_there_before_a_restore_can_be_had_back(backups: Backups) -> None:
    backups.done()
    backups.execute("INSERT INTO \"user\" VALUES ('u3', 'Barbara')")
    before = backups.contents()

    output = backups.done("restore", "newest")

    (safety,) = [dump for dump in backups.dumps() if dump.endswith("-before-restore.dump")]
    assert f"To return to the current data: restore {safety}" in output
    assert backups.contents() != before
    backups.done("restore", safety, "no-safety-dump")
    assert backups.contents() == before


def test_the_newest_is_never_the_one_that_a_restore_has_made(backups: Backups) -> None:
    backups.done()
    before = backups.contents()
    backups.execute("DELETE FROM chat")
    for _ in range(2):
        backups.done("restore", "newest")
        assert backups.contents() == before


def test_the_database_is_the_applications_after_a_restore(backups: Backups) -> None:
    backups.done()
    backups.done("restore", "newest")

    owners = backups.execute(
        "SELECT DISTINCT tableowner = current_user FROM pg_tables WHERE schemaname !~ '^pg_|^info|^open_webui_stack'"
    )
    assert owners == [(True,)]
    # The script that runs at each start of the server finds everything as it was.
    backups.execute("CREATE TABLE later (id int)")


def test_the_application_serves_on_after_a_restore(backups: Backups) -> None:
    """The table of vectors is its own, and the other ones are the owner's."""
    backups.execute("CREATE TABLE document_chunk (id text PRIMARY KEY)")
    with backups.database.connect(autocommit=True) as owner:
        grant_rights(owner, CLIENT_ROLE)
    with backups.database.connect(CLIENT_PASSWORD, user=CLIENT_USER, autocommit=True) as client:
        client.execute("INSERT INTO document_chunk VALUES ('first')")
    backups.done()
    with backups.database.connect(CLIENT_PASSWORD, user=CLIENT_USER, autocommit=True) as client:
        client.execute("DELETE FROM document_chunk")
        client.execute("CREATE TABLE plugin (id text)")

    backups.done("restore", "newest")

    with backups.database.connect(autocommit=True) as owner:
        grant_rights(owner, CLIENT_ROLE)
        owner.execute("CREATE TABLE later (id int)")
    with backups.database.connect(CLIENT_PASSWORD, user=CLIENT_USER, autocommit=True) as client:
        assert client.execute("SELECT id, to_regclass('plugin') FROM document_chunk").fetchall() == [("first", None)]
        client.execute("CREATE INDEX IF NOT EXISTS document_chunk_pkey ON document_chunk (id)")
        client.execute("INSERT INTO chat (user_id) VALUES ('u1')")
        client.execute("INSERT INTO later VALUES (1)")
        with pytest.raises(InsufficientPrivilege):
            client.execute("DROP TABLE chat")


def test_no_session_of_the_application_is_overlooked(backups: Backups) -> None:
    backups.done()
    script = backups.database.directory / "scripts" / "backup.sh"
    script.write_text(script.read_text().replace("LEAVE_SECONDS=60", "LEAVE_SECONDS=1"))
    with backups.database.connect(CLIENT_PASSWORD, user=CLIENT_USER):
        refused = backups.run("restore", "newest")
    assert refused.returncode == 1
    assert "1 other sessions are connected" in refused.stdout


def test_an_extension_of_the_superuser_stays_its_own(backups: Backups) -> None:
    """As pgvector is: made by the superuser at the start of the server, used by the application's tables."""
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("CREATE EXTENSION citext")
    backups.execute("CREATE TABLE tag (name citext PRIMARY KEY); INSERT INTO tag VALUES ('One')")
    backups.done()
    backups.execute("DROP TABLE tag")

    backups.done("restore", "newest")

    assert backups.execute("SELECT count(*) FROM tag WHERE name = 'ONE'") == [(1,)]
    owner = "SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname = 'citext'"
    assert backups.execute(owner) == [("postgres",)]


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_dump_changes_nothing(backups: Backups, place: float) -> None:
    backups.execute("INSERT INTO chat (user_id, whole) SELECT 'u1', md5(n::text) FROM generate_series(1, 5000) AS n")
    backups.done()
    (name,) = backups.dumps()
    dump = backups.volume / name
    content = bytearray(dump.read_bytes())
    start = int(len(content) * place)
    content[start : start + 64] = bytes(byte ^ 0x5A for byte in content[start : start + 64])
    dump.write_bytes(content)
    before = backups.contents()

    output = backups.refused("restore", name, "no-safety-dump")

    assert "The database is unchanged" in output or "is damaged" in output
    assert backups.contents() == before


def test_a_dump_that_was_cut_short_changes_nothing(backups: Backups) -> None:
    backups.done()
    (name,) = backups.dumps()
    dump = backups.volume / name
    dump.write_bytes(dump.read_bytes()[:-2000])
    before = backups.contents()

    output = backups.refused("restore", name, "no-safety-dump")

    assert f"{name} could not be restored. The database is unchanged" in output
    assert backups.contents() == before


def test_a_dump_that_is_not_read_to_its_end_changes_nothing(backups: Backups) -> None:
    backups.done()
    backups.execute("DELETE FROM chat WHERE id = 1")
    before = backups.contents()
    # Everything came, and then the disk failed.
    program_before(
        backups,
        "pg_restore",
        f'"{backups.database.programs}/pg_restore" "$@"\n'
        f"case \"$*\" in *--file=-*) echo 'pg_restore: error: Input/output error' >&2; exit 1 ;; esac",
    )

    output = backups.refused("restore", "newest", "no-safety-dump")

    assert "pg_restore: error: Input/output error\n" in output
    assert "could not be restored. The database is unchanged" in output
    assert backups.contents() == before


def test_a_restore_that_is_killed_changes_nothing(backups: Backups) -> None:
    backups.done()
    backups.execute("DELETE FROM chat WHERE id = 1")
    before = backups.contents()
    program_before(
        backups,
        "pg_restore",
        f'"{backups.database.programs}/pg_restore" "$@" || exit\n'
        f'case "$*" in *--file=-*) : >"{backups.volume}/started"; exec sleep 300 ;; esac',
    )
    with backups.running("restore", "newest", "no-safety-dump") as process:
        wait_until((backups.volume / "started").exists, "everything but the end is restored")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    wait_until(lambda: backups.contents() == before, "the server has taken it back")


def test_a_restore_waits_for_others_to_leave_and_then_refuses(backups: Backups) -> None:
    backups.done()
    script = backups.scripts / "backup.sh"
    script.write_text(script.read_text().replace("LEAVE_SECONDS=60", "LEAVE_SECONDS=2"))
    before = backups.contents()
    with backups.database.connect():
        output = backups.refused("restore", "newest")
    assert "1 other sessions are connected to ragsystemdb. Nothing was changed." in output
    assert backups.contents() == before


def test_a_session_that_only_monitors_does_not_hold_a_restore_up(backups: Backups) -> None:
    backups.done()
    run = str(backups.database.directory / "run")
    with backups.database.connect(host=run, user="postgres", autocommit=True) as superuser:
        superuser.execute(
            "CREATE ROLE observer LOGIN IN ROLE pg_monitor; GRANT CONNECT ON DATABASE ragsystemdb TO observer"
        )
    script = backups.scripts / "backup.sh"
    script.write_text(script.read_text().replace("LEAVE_SECONDS=60", "LEAVE_SECONDS=2"))

    with backups.database.connect(host=run, user="observer"):
        backups.done("restore", "newest")
        with backups.database.connect(host=run, user="postgres"):
            assert "1 other sessions are connected" in backups.refused("restore", "newest")
