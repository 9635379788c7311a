"""The record of the backups in a real PostgreSQL: what an exporter reads is what happened."""

from typing import Any

from tests.support.servers.backups import Backups, program_before
from tests.support.servers.backups import backups as backups

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


def test_a_database_that_refuses_the_record_has_its_backup_all_the_same(backups: Backups) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("CREATE SCHEMA open_webui_stack")

    output = backups.done()

    assert "The result could not be recorded in open_webui_stack.backup" in output
    assert "permission denied for schema open_webui_stack" in output
    assert len(backups.dumps()) == 1
