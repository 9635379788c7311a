"""The record of the backups in a real PostgreSQL: what an exporter reads is what happened."""

from typing import Any

from components.postgresql.names import BACKUP_USER
from tests.support.servers.backups import Backups, backups_of, program_before
from tests.support.servers.backups import backups as backups
from tests.support.servers.postgresql_database import Database

RECORD = "SELECT place, started_at, succeeded_at, failed_at, name, bytes FROM open_webui_stack.backup"


def recorded(backups: Backups) -> dict[str, Any]:
    """The only row."""
    ((place, started, succeeded, failed, name, size),) = backups.execute(RECORD)
    return {"place": place, "started": started, "succeeded": succeeded, "failed": failed, "name": name, "size": size}


def test_a_proved_dump_is_recorded_with_its_time_name_and_size(backups: Backups) -> None:
    backups.done()

    row = recorded(backups)
    (dump,) = backups.dumps()
    assert (row["place"], row["name"], row["failed"]) == ("volume", dump, None)
    assert row["size"] == (backups.volume / dump).stat().st_size
    ((now,),) = backups.execute("SELECT now()")
    assert row["started"] < row["succeeded"] < now
    # Both in one run of a few seconds.
    assert (now - row["started"]).total_seconds() < 120


def test_a_failed_run_is_recorded_beside_the_last_success(backups: Backups) -> None:
    backups.done()
    first = recorded(backups)
    program_before(backups, "pg_dump", "exit 1")

    backups.refused()

    row = recorded(backups)
    assert (row["succeeded"], row["name"]) == (first["succeeded"], first["name"])
    assert first["succeeded"] < row["started"] < row["failed"]


def test_any_role_may_read_the_record_and_not_write_it(backups: Backups) -> None:
    backups.done()
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("CREATE ROLE reader")
        connection.execute("SET ROLE reader")
        assert len(connection.execute(RECORD).fetchall()) == 1
        privileges = connection.execute(
            "SELECT has_table_privilege('open_webui_stack.backup', each) FROM unnest('{INSERT,UPDATE,DELETE}'::text[])"
            " AS each"
        ).fetchall()
    assert privileges == [(False,)] * 3


def test_dumps_do_not_contain_the_record_and_a_restore_keeps_it(backups: Backups) -> None:
    backups.done()
    first = backups.dumps()[0]
    # Would be in the dump's comparison: a row more than there was at the first dump.
    output = backups.done()
    assert "3 tables" in output
    row = recorded(backups)

    backups.done("restore", first)

    assert recorded(backups) == row


EARLIER = """
CREATE SCHEMA IF NOT EXISTS open_webui_stack;
CREATE TABLE IF NOT EXISTS open_webui_stack.backup (
  place text PRIMARY KEY, started_at timestamptz, succeeded_at timestamptz, failed_at timestamptz, name text,
  bytes bigint
);
GRANT USAGE ON SCHEMA open_webui_stack TO PUBLIC;
GRANT SELECT ON open_webui_stack.backup TO PUBLIC;
INSERT INTO open_webui_stack.backup (place) VALUES ('volume') ON CONFLICT (place) DO NOTHING;
UPDATE open_webui_stack.backup SET succeeded_at = now(), name = 'earlier', bytes = 1 WHERE place = 'volume'
"""
"""What an earlier version of the stack runs as the owner of the tables."""

OWNERS = "SELECT schema_owner FROM information_schema.schemata WHERE schema_name = 'open_webui_stack'"


def test_the_record_of_an_earlier_version_is_handed_over_and_stays_usable_for_it(database: Database) -> None:
    database.copied()
    run = str(database.directory / "run")
    with database.serving():
        with database.connect(host=run, user="postgres", autocommit=True) as superuser:
            superuser.execute("DROP SCHEMA open_webui_stack")
        with database.connect(autocommit=True) as owner:
            owner.execute(EARLIER)
    database.prepared()

    backups = backups_of(database)
    with database.serving():
        ((before,),) = backups.execute("SELECT name FROM open_webui_stack.backup")
        backups.done()
        after = recorded(backups)["name"]
        with database.connect(host=run, user="postgres") as superuser:
            owners = superuser.execute(f"{OWNERS} UNION SELECT tableowner FROM pg_tables WHERE tablename = 'backup'")
            assert owners.fetchall() == [(BACKUP_USER,)]
        # The way back, also after a restore.
        for action in ((), ("restore", "newest")):
            backups.done(*action)
            backups.execute(EARLIER)
            assert recorded(backups)["name"] == "earlier"
    assert before == "earlier"
    assert [after] == [dump for dump in backups.dumps() if dump == after]


def test_a_database_that_refuses_the_record_has_its_backup_all_the_same(backups: Backups) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("ALTER SCHEMA open_webui_stack OWNER TO postgres")

    output = backups.done()

    assert "The result could not be recorded in open_webui_stack.backup" in output
    assert "permission denied for schema open_webui_stack" in output
    assert len(backups.dumps()) == 1
