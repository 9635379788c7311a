"""Data of PostgreSQL 16 or 17 become data of PostgreSQL 18, and go back; killed at any point, nothing is lost."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stackctl.upgrading.server import Server
from tests.support.servers.postgresql_database import PASSWORD, Database, rendered_database
from tests.support.servers.server_process import (
    give_away,
    postgresql_with_pgvector,
    server_directory,
    wait_until,
)
from tests.support.servers.upgraded_volume import NEW, OLD, SETS, Volume

TABLES = """
CREATE TABLE chat (id serial PRIMARY KEY, chat json, at timestamptz, score double precision);
INSERT INTO chat (chat, at, score)
    SELECT json_build_object('text', 'It''s line ' || n || E'\\n\\\\.'), '2026-01-01 12:00+02', n / 7.0
    FROM generate_series(1, 300) AS n;
CREATE TABLE document_chunk (id text PRIMARY KEY, vector vector(8), vmetadata jsonb);
INSERT INTO document_chunk
    SELECT n::text, array_fill(n / 9.0, ARRAY[8])::vector, '{"a": 1}' FROM generate_series(1, 200) AS n;
CREATE INDEX idx_document_chunk_vector ON document_chunk USING hnsw (vector vector_cosine_ops);
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('d31026856c01');
"""
BY_HAND = (
    "CREATE ROLE reader LOGIN PASSWORD 'by-hand' IN ROLE pg_monitor",
    """CREATE DATABASE "odd |'na\\me" OWNER reader""",
    "ALTER DATABASE ragsystemdb SET work_mem = '5MB'",
)


@pytest.fixture(scope="module")
def made() -> Any:
    """A volume that PostgreSQL 16 has written, which tests copy."""
    with server_directory() as directory:
        volume = Volume(rendered_database(directory, postgresql_with_pgvector(OLD), SETS))
        volume.database.copied()
        volume.execute(OLD, TABLES)
        with volume.database.serving():
            socket = str(directory / "run")
            with volume.database.connect(
                host=socket, user="postgres", dbname="postgres", autocommit=True
            ) as connection:
                for statement in BY_HAND:
                    connection.execute(statement.encode())
        yield volume, volume.contents(OLD)


@pytest.fixture
def volume(made: tuple[Volume, Any], directory: Path) -> Volume:
    copy = Volume(rendered_database(directory, postgresql_with_pgvector(OLD), SETS))
    subprocess.run(["cp", "-a", "--reflink=auto", str(made[0].database.data), str(copy.database.data)], check=True)
    return copy


@pytest.fixture
def before(made: tuple[Volume, Any]) -> Any:
    """What the volume holds."""
    return made[1]


def test_everything_is_there_after_the_upgrade_and_after_its_undoing(volume: Volume, before: Any) -> None:
    output = volume.start_pod()

    assert "Restoring dbname='ragsystemdb':" in output
    assert ", 3 tables with 501 rows." in output
    assert PASSWORD not in output
    assert "by-hand" not in output
    assert volume.names() == ["pgdata", "pgdata-16"]
    assert volume.contents(NEW) == before
    database = volume.use(NEW)
    with database.serving():
        with database.connect(
            host=str(database.directory / "run"), user="postgres", dbname="odd |'na\\me"
        ) as connection:
            member = connection.execute("SELECT pg_has_role('reader', 'pg_monitor', 'member')").fetchall()
            assert member == [(True,)]
        with database.connect() as connection:
            assert connection.execute("SHOW work_mem").fetchall() == [("5MB",)]
            assert connection.execute("SHOW data_checksums").fetchall() == [("on",)]
            # Made by the upgrade: the first queries have a plan that fits.
            assert connection.execute("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'chat'").fetchall() == [
                (True,)
            ]

    # The pod starts again with the same settings: there is nothing to do.
    again = volume.start_pod()
    assert "Nothing to dump" in again
    assert "pgdata-16 holds data of PostgreSQL 16 that were kept" in again
    volume.execute(NEW, "INSERT INTO chat (score) VALUES (1)")

    undone = volume.use(OLD, UPGRADE_UNDO="18").prepared()

    assert "Going back to the data of PostgreSQL 16" in undone
    assert volume.contents(OLD) == before
    [aside] = [name for name in volume.names() if name != "pgdata"]
    assert aside.startswith("pgdata-18.undone-")
    # Another upgrade, of the data as they are now.
    volume.execute(OLD, "DELETE FROM chat WHERE id > 10")
    changed = volume.contents(OLD)
    assert changed != before
    volume.start_pod()
    assert volume.contents(NEW) == changed


def test_data_of_postgresql_17_are_upgraded_too_and_go_back(directory: Path) -> None:
    sets = (SETS[0], "postgresql.upgrade.fromImage=pgvector/pgvector:pg17")
    volume = Volume(rendered_database(directory, postgresql_with_pgvector(17), sets), old=17)
    volume.database.copied()
    volume.execute(17, TABLES)
    before = volume.contents(17)

    output = volume.start_pod()

    assert ", 3 tables with 501 rows." in output
    assert volume.names() == ["pgdata", "pgdata-17"]
    assert volume.contents(NEW) == before
    volume.execute(NEW, "INSERT INTO chat (score) VALUES (1)")
    undone = volume.use(17, UPGRADE_UNDO="18").prepared()
    assert "Going back to the data of PostgreSQL 17" in undone
    assert volume.contents(17) == before


def test_another_release_without_the_image_of_the_old_one_changes_nothing(volume: Volume, before: Any) -> None:
    result = volume.use(NEW).prepare()

    assert result.returncode == 1
    assert "was written by PostgreSQL 16, but this image has PostgreSQL 18" in result.stdout
    assert "postgresql.upgrade.fromImage" in result.stdout
    assert volume.contents(OLD) == before


def test_an_upgrade_that_never_was_cannot_be_undone(volume: Volume) -> None:
    volume.start_pod()
    subprocess.run(["rm", "-r", str(volume.database.data) + "-16"], check=True)

    result = volume.use(OLD, UPGRADE_UNDO="18").prepare()

    assert result.returncode == 1
    assert "cannot be undone" in result.stdout
    assert volume.names() == ["pgdata"]


@pytest.mark.parametrize(
    ("program", "text", "reason"),
    [
        ("pg_dump", "exit 1", "The database could not be dumped; the reason is above. Nothing was changed."),
        ("pg_dumpall", "exit 1", "The roles could not be dumped; the reason is above. Nothing was changed."),
        ("pg_restore", "exit 1", "The dump could not be restored; the reason is above. The data of PostgreSQL 16 are"),
    ],
)
def test_a_failure_leaves_the_old_data_in_use(
    volume: Volume, before: Any, directory: Path, program: str, text: str, reason: str
) -> None:
    broken = program_before(directory, program, text)

    result = volume.use(OLD, broken).prepare("dump")
    if result.returncode == 0:
        result = volume.use(NEW, broken).prepare()

    assert result.returncode == 1
    assert reason in result.stdout
    assert volume.contents(OLD) == before


def test_rows_that_differ_after_the_restore_are_found(volume: Volume, before: Any, directory: Path) -> None:
    programs = postgresql_with_pgvector(NEW)
    broken = program_before(
        directory,
        "pg_restore",
        f'{programs}/pg_restore "$@" || exit\n'
        f"{programs}/psql -qd ragsystemdb -c 'UPDATE chat SET score = 0 WHERE id = 7' 2>/dev/null || true",
    )
    volume.use(OLD).prepared("dump")

    result = volume.use(NEW, broken).prepare()

    assert result.returncode == 1
    assert "prepare:   public.chat\n" in result.stdout
    assert "The restored tables do not hold what the database held" in result.stdout
    assert volume.contents(OLD) == before


def test_what_was_written_after_a_dump_is_not_lost(volume: Volume, before: Any) -> None:
    volume.use(OLD).prepared("dump")
    # The upgrade is given up, the old release serves again, and then the upgrade is tried again.
    volume.use(OLD).prepared()
    assert volume.names() == ["pgdata"]
    volume.execute(OLD, "DELETE FROM chat")
    changed = volume.contents(OLD)
    assert changed != before

    refused = volume.use(NEW).prepare()
    assert refused.returncode == 1
    volume.start_pod()

    assert volume.contents(NEW) == changed


def test_a_volume_without_room_is_refused_before_anything_is_written(
    volume: Volume, before: Any, directory: Path
) -> None:
    full = program_before(directory, "df", 'echo "Filesystem blocks"; echo "/dev/x 9 9 20 9% /"')

    result = volume.use(OLD, full).prepare("dump")

    assert result.returncode == 1
    assert "MiB for the dump and the new data. Nothing was changed. Raise postgresql.storage.size" in result.stdout
    assert volume.contents(OLD) == before


# Text as pictures in chats are: it cannot be compressed when it is stored, and hardly when it is dumped.
PICTURES = """
CREATE TABLE picture (id bigint PRIMARY KEY, data text);
INSERT INTO picture SELECT n, (SELECT string_agg(encode(sha512((n * 100 + part)::text::bytea), 'base64'), '')
    FROM generate_series(1, 100) AS part) FROM generate_series(1, {rows}) AS n;
"""
COUNT = b"SELECT count(*) FROM picture"


@pytest.fixture
def volume_in_memory(directory: Path) -> Iterator[Volume]:
    """A volume that PostgreSQL 16 has written, with a file system of its own."""
    volume = Volume(rendered_database(directory, postgresql_with_pgvector(OLD), SETS))
    place = volume.database.data.parent
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0777", "tmpfs", str(place)], check=True)
    try:
        volume.database.copied()
        yield volume
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_the_room_that_an_upgrade_asks_for_is_enough(volume_in_memory: Volume) -> None:
    volume, place, rows = volume_in_memory, volume_in_memory.database.data.parent, 16_000
    volume.execute(OLD, PICTURES.format(rows=rows))
    with volume.use(OLD).serving(), volume.database.connect() as connection:
        [(mebibytes,)] = connection.execute("SELECT (sum(pg_database_size(oid)) / 1048576)::int FROM pg_database")
    needed = Server(image="", major=OLD, mebibytes=mebibytes, free=0, kept=()).needed

    resize(place, needed - 2)
    refused = volume.use(OLD).prepare("dump")
    assert refused.returncode == 1
    assert f"The upgrade needs {needed} MiB" in refused.stdout

    resize(place, needed + 2)
    volume.start_pod()
    with volume.use(NEW).serving(), volume.database.connect() as connection:
        assert connection.execute(COUNT).fetchall() == [(rows,)]


def test_an_upgrade_that_finds_no_room_leaves_the_old_server_room(volume_in_memory: Volume) -> None:
    volume, place, rows = volume_in_memory, volume_in_memory.database.data.parent, 6_000
    volume.execute(OLD, PICTURES.format(rows=rows))
    volume.use(OLD).prepared("dump")
    resize(place, 64)
    failed = volume.use(NEW).prepare()
    assert failed.returncode == 1
    assert "No space left on device" in failed.stdout
    assert "The data of PostgreSQL 16 are unchanged" in failed.stdout
    assert shutil.disk_usage(place).free > 60 * 1048576
    with volume.use(OLD).serving(), volume.database.connect() as connection:
        assert connection.execute(COUNT).fetchall() == [(rows,)]


def resize(place: Path, free: int) -> None:
    """Give a file system in memory so many MiB that are free."""
    used = shutil.disk_usage(place).used // 1048576
    subprocess.run(["mount", "-o", f"remount,size={used + free}m", str(place)], check=True)


def program_before(directory: Path, name: str, text: str) -> Path:
    """A directory with a program that comes before the real one."""
    before = directory / "before"
    before.mkdir(exist_ok=True)
    (before / name).write_text(f"#!/bin/sh\n{text}\n")
    (before / name).chmod(0o755)
    give_away(before)
    return before


FILE_PROGRAMS = ("mv", "rm", "mkdir", "sync", "initdb", "pg_dump", "pg_dumpall", "pg_restore", "psql")


def killer(directory: Path, number: int) -> Path:
    """Programs that change files. The call of that number kills the container: if it is even after its work."""
    before = directory / f"killer-{number}"
    before.mkdir()
    last = "true" if number % 2 else '"$real" "$@"'
    for name in FILE_PROGRAMS:
        (before / name).write_text(
            f"""#!/bin/sh
echo >>'{before}/calls'
real=$(PATH=${{PATH#'{before}:'}}; command -v {name})
if [ "$(wc -l <'{before}/calls')" -eq {number} ]; then
  {last}
  kill -KILL 0
fi
exec "$real" "$@"
"""
        )
        (before / name).chmod(0o755)
    give_away(before)
    return before


def run_container(database: Database, *arguments: str) -> int:
    """Exit status of a container whose processes end with it."""
    status = database.prepare(*arguments, killed_at_once=True).returncode
    wait_until(lambda: not servers_of(database.data.parent), "the processes of the container have ended")
    return status


def servers_of(volume: Path) -> list[Path]:
    """Processes of servers on the volume, those included that have ended and that their parent does not know of yet.

    A new server takes such a process for the old server.
    """
    processes = [Path("/proc") / file.read_text().split()[0] for file in volume.glob("*/postmaster.pid")]
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if link.readlink().is_relative_to(volume):
                processes.append(link.parent)
    return [process for process in processes if process.exists()]


def killed_at(volume: Volume, directory: Path, number: int) -> bool:
    """Start the upgrading pod, and kill it at that call. False: it came to its end before."""
    programs = killer(directory, number)
    for major, arguments in ((OLD, ("dump",)), (NEW, ())):
        status = run_container(volume.use(major, programs), *arguments)
        if status == -signal.SIGKILL:
            return True
        assert status == 0
    return False


@pytest.mark.parametrize("goes_on", [NEW, OLD])
def test_killed_at_any_step_it_goes_on_or_back_with_everything(
    made: tuple[Volume, Any], before: Any, directory: Path, goes_on: int
) -> None:
    # Each call takes seconds: here every ninth, others for each parameter, before and after its work in turn.
    number = 0 if goes_on == NEW else 3
    while True:
        number += 9
        root = directory / str(number)
        root.mkdir()
        give_away(root)
        volume = Volume(rendered_database(root, postgresql_with_pgvector(OLD), SETS))
        subprocess.run(["cp", "-a", "--reflink=auto", made[0].database.data, volume.database.data], check=True)
        if not killed_at(volume, root, number):
            break
        if goes_on == NEW:
            volume.start_pod()
            assert volume.contents(NEW) == before, number
        else:
            result = volume.use(OLD).prepare()
            if result.returncode:
                # The new release has the data already: its own start would go on, and the upgrade can be undone.
                assert "was written by PostgreSQL 18" in result.stdout, (number, result.stdout)
                volume.use(OLD, UPGRADE_UNDO="18").prepared()
            assert volume.contents(OLD) == before, number
        subprocess.run(["rm", "-r", root], check=True)
    assert number > 20
