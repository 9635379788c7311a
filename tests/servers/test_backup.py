"""backup.sh, as rendered, on a real PostgreSQL: what it calls good can be restored, and a restore loses nothing."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.processes import is_alive
from tests.servers.postgresql_database import PASSWORD, Database
from tests.servers.server_process import give_away, running, unprivileged, wait_until

RUN_SECONDS = 180
TABLES = """
CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE chat (
    id serial PRIMARY KEY, user_id text REFERENCES "user" ON DELETE CASCADE, chat json, "whole" text, at timestamptz
);
CREATE INDEX chat_user ON chat (user_id);
CREATE SCHEMA notes;
CREATE TABLE notes."Odd |name'" (x double precision);
INSERT INTO "user" VALUES ('u1', 'Ada'), ('u2', 'Grace | Hopper');
INSERT INTO chat (user_id, chat, "whole", at)
    SELECT 'u1', json_build_object('text', 'It''s line ' || n || E'\\n\\\\. end'), 'w', '2026-01-01 12:00+02'
    FROM generate_series(1, 500) AS n;
INSERT INTO notes."Odd |name'" VALUES (0.1), ('NaN'), (1e-300);
"""
ROWS = 505


@dataclass
class Backups:
    """The rendered scripts and variables, with the paths moved into one directory."""

    database: Database
    volume: Path
    scripts: Path
    environment: dict[str, str]
    arguments: list[str]

    @property
    def temporary(self) -> Path:
        return self.database.directory / "tmp"

    def variables(self, **changes: str) -> dict[str, str]:
        return {
            **self.environment,
            "PATH": f"{self.database.search_path}{self.database.programs}:/usr/bin:/bin",
            "TMPDIR": str(self.temporary),
            **changes,
        }

    def command(self, *arguments: str) -> list[str]:
        return ["sh", str(self.scripts / "backup.sh"), *(arguments or self.arguments)]

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run the container with these arguments, or with those of the CronJob, to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.database.directory,
            env=self.variables(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_SECONDS,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
            **unprivileged(),
        )

    def done(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to succeed. Returns what it printed."""
        result = self.run(*arguments, **changes)
        assert result.returncode == 0, result.stdout
        assert PASSWORD not in result.stdout
        return result.stdout

    def refused(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to fail, and to leave nothing unfinished. Returns what it printed."""
        before = self.files()
        result = self.run(*arguments, **changes)
        assert result.returncode == 1, result.stdout
        assert PASSWORD not in result.stdout
        assert self.files() == before
        assert not list(self.temporary.iterdir())
        return result.stdout

    def files(self) -> list[str]:
        """What is on the volume, the lock aside."""
        return sorted(path.name for path in self.volume.iterdir() if path.name != ".lock")

    def dumps(self) -> list[str]:
        """Names of the dumps, the oldest first."""
        return [name for name in self.files() if name.endswith(".dump")]

    def execute(self, statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last statement, by the application's role."""
        with self.database.connect(autocommit=True) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the tables of `TABLES`, read without the script."""
        return {
            table: self.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1")
            for table in ('"user"', "chat", 'notes."Odd |name\'"')
        }

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The container, for as long as the block lasts."""
        with running(
            self.command(*arguments),
            directory=self.database.directory,
            log=self.database.directory / "backup.log",
            stop_signal=signal.SIGKILL,
            environment=self.variables(),
        ) as process:
            yield process


@pytest.fixture
def backups(database: Database, manifest: Callable[[str, str, str], dict[str, Any]]) -> Iterator[Backups]:
    """A server with `TABLES` in it, and the CronJob's container beside it."""
    directory = database.directory
    for name in ("backups", "scripts"):
        (directory / name).mkdir()
        give_away(directory / name)
    for name, text in manifest("prod", "ConfigMap", "postgres-backup")["data"].items():
        (directory / "scripts" / name).write_text(text)
    template = manifest("prod", "CronJob", "postgres-backup")["spec"]["jobTemplate"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["command"] == ["sh", "/etc/backup/backup.sh"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    moved = {
        "PGHOST": ("postgres", "127.0.0.1"),
        "PGPORT": ("5432", str(database.port)),
        "PASSWORD_FILE": ("/run/secrets/postgresql/password", str(directory / "password")),
        "BACKUP_DIRECTORY": ("/backups", str(directory / "backups")),
    }
    for name, (inside, outside) in moved.items():
        assert variables[name] == inside
        variables[name] = outside
    made = Backups(database, directory / "backups", directory / "scripts", variables, container["args"])
    database.prepared()
    with database.serving():
        made.execute(TABLES)
        yield made


def program_before(backups: Backups, name: str, text: str) -> None:
    """Put a program before the real one."""
    directory = backups.database.directory / "before"
    directory.mkdir()
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)
    give_away(directory)
    backups.database.search_path = f"{directory}:"


def test_a_dump_is_made_proved_and_kept(backups: Backups) -> None:
    output = backups.done()

    (dump,) = backups.dumps()
    assert re.fullmatch(r"ragsystemdb-\d{8}T\d{6}Z\.dump", dump)
    assert f"3 tables with {ROWS} rows" in output
    assert output.rstrip().endswith("The restored copy was the same.")
    assert backups.files() == [dump.replace(".dump", ".contents"), dump]
    assert not list(backups.temporary.iterdir())
    if os.getuid() == 0:
        assert (backups.volume / dump).stat().st_mode & 0o777 == 0o600


def test_what_it_prints_is_about_tables_and_not_what_is_in_them(backups: Backups) -> None:
    output = backups.done()
    assert "Ada" not in output
    assert "It's line" not in output


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
    assert f"To go back to what is in the database now: restore {safety}" in output
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
        "SELECT DISTINCT tableowner = current_user FROM pg_tables WHERE schemaname !~ '^pg_|^info'"
    )
    assert owners == [(True,)]
    # The script that runs at each start of the server finds everything as it was.
    backups.execute("CREATE TABLE later (id int)")


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

    assert "The database is as it was" in output or "is damaged" in output
    assert backups.contents() == before


def test_a_dump_that_was_cut_short_changes_nothing(backups: Backups) -> None:
    backups.done()
    (name,) = backups.dumps()
    dump = backups.volume / name
    dump.write_bytes(dump.read_bytes()[:-2000])
    before = backups.contents()

    output = backups.refused("restore", name, "no-safety-dump")

    assert f"{name} could not be restored. The database is as it was" in output
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
    assert "could not be restored. The database is as it was" in output
    assert backups.contents() == before


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        # The end is missing: what the list says is not all there.
        ('truncate -s -500 "$file"', "The dump cannot be restored"),
        # Something else than a dump.
        ('head -c 4000 /dev/urandom >"$file"', "is damaged: its list of contents cannot be read"),
    ],
)
def test_a_dump_that_cannot_be_restored_is_not_kept(backups: Backups, damage: str, reason: str) -> None:
    backups.done()
    program_before(
        backups,
        "pg_dump",
        f"for word; do case $word in --file=*) file=${{word#--file=}} ;; esac; done\n"
        f'"{backups.database.programs}/pg_dump" "$@" && {damage}',
    )

    assert reason in backups.refused()


@pytest.mark.parametrize("change", ["DELETE FROM chat WHERE id = 7", "UPDATE chat SET whole = 'other' WHERE id = 7"])
def test_a_dump_with_other_rows_is_not_kept(backups: Backups, change: str) -> None:
    # What comes out of the dump is changed on its way: the number of rows, or one value alone.
    program_before(
        backups,
        "pg_restore",
        f'"{backups.database.programs}/pg_restore" "$@" || exit\n'
        f'case "$*" in *--file=-*) echo "SET search_path = public; {change};" ;; esac',
    )

    output = backups.refused()

    assert "backup:   public.chat\n" in output
    assert 'public."user"' not in output.partition("private server:")[2]
    assert "do not hold what the database held" in output


def test_rows_that_come_during_a_dump_are_no_difference(backups: Backups) -> None:
    insert = "INSERT INTO chat (user_id) VALUES ('u1')"
    target = f"-h 127.0.0.1 -p {backups.database.port} -U ragsystemuser -d ragsystemdb"
    program_before(
        backups, "pg_dump", f'psql {target} -qc "{insert}" &&\nexec "{backups.database.programs}/pg_dump" "$@"'
    )

    output = backups.done()

    assert backups.execute("SELECT count(*) FROM chat") == [(501,)]
    assert f"3 tables with {ROWS} rows" in output


def test_old_dumps_go_when_a_newer_one_is_proved(backups: Backups) -> None:
    made = [f"ragsystemdb-2026010{day}T000000Z.dump" for day in range(1, 5)]
    for name in made:
        for path in (backups.volume / name, backups.volume / name.replace(".dump", ".contents")):
            path.write_text("")
            give_away(path)
    (backups.volume / "somebody-elses.dump").write_text("")
    backups.database.write_password(b"wrong-Password-9")
    backups.refused(KEEP="3")
    backups.database.write_password(PASSWORD.encode())

    output = backups.done(KEEP="3")

    assert backups.dumps()[:2] == made[2:]
    assert len(backups.dumps()) == 4
    assert f"Removing {made[0]}: 3 are kept." in output
    assert made[0].replace(".dump", ".contents") not in backups.files()
    assert "somebody-elses.dump" in backups.files()


def test_of_one_that_is_kept_the_new_one_stays(backups: Backups) -> None:
    # Made by a clock that was ahead.
    (backups.volume / "ragsystemdb-20990101T000000Z.dump").write_text("")
    give_away(backups.volume / "ragsystemdb-20990101T000000Z.dump")

    backups.done(KEEP="1")

    (dump,) = backups.dumps()
    assert "2099" not in dump


def test_a_wrong_password_is_named_and_not_printed(backups: Backups) -> None:
    backups.database.write_password(b"wrong-Password-9")

    output = backups.refused()

    assert "password authentication failed" in output
    assert output.rstrip().endswith("The database on 127.0.0.1 did not answer; the reason is above.")
    assert "wrong-Password-9" not in output


@pytest.mark.parametrize("password", ["back\\slash:colon", 'it\'s "quoted" $HOME `id`', " spaces ", "Grüße-密码"])
def test_any_password_lets_it_in(backups: Backups, password: str) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute(f"ALTER ROLE ragsystemuser PASSWORD $${password}$$".encode())
    backups.database.write_password(password.encode())
    assert password not in backups.done("run")


def test_a_server_that_is_away_is_a_clear_failure(backups: Backups) -> None:
    assert "did not answer" in backups.refused(PGPORT="1")


def test_a_table_of_somebody_else_is_named(backups: Backups) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("CREATE TABLE by_hand (id int)")

    assert "permission denied for table by_hand" in backups.refused()


def test_two_at_once_do_not_work_on_one_volume(backups: Backups) -> None:
    program_before(backups, "pg_dump", f': >"{backups.volume}/started"\nexec sleep 300')
    with backups.running() as process:
        wait_until((backups.volume / "started").exists, "the first is at work")

        result = backups.run()

        assert result.returncode == 1
        assert "Another backup or restore is at work" in result.stdout
        assert process.poll() is None
        process.terminate()
        process.wait(60)


def test_told_to_stop_it_leaves_no_half_dump_and_no_server(backups: Backups) -> None:
    program_before(
        backups,
        "pg_restore",
        f'case "$*" in *--file=-*) : >"{backups.volume}/started"; exec sleep 300 ;; esac\n'
        f'exec "{backups.database.programs}/pg_restore" "$@"',
    )
    with backups.running() as process:
        wait_until((backups.volume / "started").exists, "the private server is there")
        (pid_file,) = backups.volume.glob(".work/pgdata/postmaster.pid")
        server = int(pid_file.read_text().splitlines()[0])
        assert is_alive(server)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM

    assert backups.files() == ["started"]
    assert not list(backups.temporary.iterdir())
    assert not is_alive(server)


def test_a_killed_run_leaves_no_dump_and_the_next_one_goes_on(backups: Backups) -> None:
    program_before(
        backups,
        "pg_dump",
        f'"{backups.database.programs}/pg_dump" "$@"\n: >"{backups.volume}/started"\nexec sleep 300',
    )
    with backups.running() as process:
        wait_until((backups.volume / "started").exists, "the dump is written")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
    assert backups.files() == [".work", "started"]
    (backups.volume / "started").unlink()

    backups.database.search_path = ""
    backups.done()

    assert len(backups.dumps()) == 1
    assert ".work" not in backups.files()


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
    assert "1 others are connected to ragsystemdb. Nothing was changed." in output
    assert backups.contents() == before


@pytest.mark.parametrize("name", ["ragsystemdb-20260101T000000Z.dump", "../password", "newest"])
def test_a_dump_that_is_not_there_is_refused(backups: Backups, name: str) -> None:
    assert "Nothing was changed" in backups.refused("restore", name)


def test_the_list_says_what_there_is(backups: Backups) -> None:
    assert "dump " not in backups.done("list")
    backups.done()
    (dump,) = backups.dumps()

    output = backups.done("list")

    size = (backups.volume / dump).stat().st_size
    assert f"backup: dump {dump}: {size} bytes, 3 tables with {ROWS} rows\n" in output
    assert re.search(r"^backup: volume: \d+ MiB free of \d+ MiB$", output, re.MULTILINE)


def test_an_empty_database_can_be_backed_up_and_restored(backups: Backups) -> None:
    backups.execute("DROP OWNED BY CURRENT_USER CASCADE")
    assert "0 tables with 0 rows" in backups.done()
    backups.execute(TABLES)

    backups.done("restore", "newest")

    assert backups.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user") == [(0,)]


@pytest.fixture
def small_volume(backups: Backups) -> Iterator[Callable[[int], None]]:
    """Makes the volume one of so many MiB."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    mounted = []

    def make(mebibytes: int) -> None:
        options = f"size={mebibytes}m,mode=0700,uid=10001,gid=10001"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "backups", str(backups.volume)], check=True)
        mounted.append(backups.volume)

    yield make
    for volume in mounted:
        subprocess.run(["umount", str(volume)], check=True)


def noise(backups: Backups, mebibytes: int) -> None:
    """Rows that no compression makes smaller."""
    backups.execute(
        f"""INSERT INTO chat (user_id, whole) SELECT 'u1', string_agg(md5(random()::text), '')
        FROM generate_series(1, {mebibytes * 32768}) AS n GROUP BY n % 100"""
    )


@pytest.mark.parametrize(
    ("volume", "data", "dumped"),
    [
        pytest.param(8, 24, False, id="by the dump"),
        pytest.param(24, 1, True, id="by the new server"),
        pytest.param(90, 40, True, id="by the restored copy"),
    ],
)
def test_a_full_volume_keeps_the_earlier_dumps(
    backups: Backups, small_volume: Callable[[int], None], volume: int, data: int, dumped: bool
) -> None:
    small_volume(volume)
    earlier = backups.volume / "ragsystemdb-20260101T000000Z.dump"
    earlier.write_text("earlier")
    noise(backups, data)

    output = backups.refused()

    assert ("Restoring the dump into a private server" in output) is dumped
    assert output.rstrip().endswith(
        "The volume of the backups is full. Nothing is kept of this dump, the earlier ones are untouched: 1 of them. "
        "Raise backup.storage.size."
    )
    assert earlier.read_text() == "earlier"
