"""backup.sh, as rendered, on a real PostgreSQL: what it calls good can be restored."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from components.postgresql.names import BACKUP_USER
from host.processes import is_alive
from tests.support.servers.backups import ROWS, TABLES, Backups, program_before
from tests.support.servers.backups import backups as backups
from tests.support.servers.postgresql_database import PASSWORD
from tests.support.servers.server_process import give_away, wait_until


def test_a_dump_is_made_proved_and_kept(backups: Backups) -> None:
    output = backups.done()

    (dump,) = backups.dumps()
    assert re.fullmatch(r"ragsystemdb-\d{8}T\d{6}Z\.dump", dump)
    assert f"3 tables with {ROWS} rows" in output
    assert output.rstrip().endswith("The restored copy was identical.")
    assert backups.files() == [dump.replace(".dump", kind) for kind in (".contents", ".dump", ".facts", ".paths")]
    assert not list(backups.temporary.iterdir())
    if os.getuid() == 0:
        assert (backups.volume / dump).stat().st_mode & 0o777 == 0o600


def test_what_it_prints_is_about_tables_and_not_what_is_in_them(backups: Backups) -> None:
    output = backups.done()
    assert "Ada" not in output
    assert "It's line" not in output


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
    # pg_restore changes the contents of the dump: the number of rows, or a single value.
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
        backups,
        "pg_dump",
        f'PGPASSWORD={PASSWORD} psql {target} -qc "{insert}" &&\nexec "{backups.database.programs}/pg_dump" "$@"',
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
    backups.refused(KEEP="3", PGUSER="ragsystemapp_2", PASSWORD_SECONDS="0")

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
    backups.write_password(b"wrong-Password-9")

    output = backups.refused(PASSWORD_SECONDS="0")

    assert "password authentication failed" in output
    assert output.rstrip().endswith("The database on 127.0.0.1 did not answer; the reason is above.")
    assert "wrong-Password-9" not in output


@pytest.mark.parametrize("password", ["back\\slash:colon", 'it\'s "quoted" $HOME `id`', " spaces ", "Grüße-密码"])
def test_any_password_lets_it_in(backups: Backups, password: str) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute(f"ALTER ROLE {BACKUP_USER} PASSWORD $${password}$$".encode())
    backups.write_password(password.encode())
    assert password not in backups.done("run")


def test_a_server_that_is_away_is_a_clear_failure(backups: Backups) -> None:
    assert "did not answer" in backups.refused(PGPORT="1")


def test_a_password_that_the_server_does_not_know_yet_is_waited_for(backups: Backups) -> None:
    """A rotation changes the Secret first, and the roles when the kubelet has brought it to the server's pod."""
    backups.write_password(b"rotated-Password-2")
    with backups.running() as process:
        log = backups.database.log
        wait_until(lambda: log.read_text().count("password authentication failed") > 1, "two attempts")
        with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
            connection.execute(f"ALTER ROLE {BACKUP_USER} PASSWORD 'rotated-Password-2'".encode())
        assert process.wait(120) == 0
    assert len(backups.dumps()) == 1
    assert "rotated-Password-2" not in (backups.database.directory / "backup.log").read_text()


def test_the_owner_of_the_tables_does_not_log_in_for_a_dump(backups: Backups) -> None:
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("ALTER ROLE ragsystemuser NOLOGIN")
    (backups.database.directory / "password").unlink()

    backups.done()

    assert backups.environment["PGUSER"] == BACKUP_USER
    assert backups.owner["PGUSER"] == "ragsystemuser"


def test_objects_of_other_roles_are_named(backups: Backups) -> None:
    """The role of the backups could read them. The owner, which restores, could not replace them."""
    with backups.database.connect(host=str(backups.database.directory / "run"), user="postgres") as connection:
        connection.execute("CREATE TABLE by_hand (id serial)")
        connection.execute("CREATE FUNCTION notes.f() RETURNS int LANGUAGE sql RETURN 1")

    output = backups.refused()

    for name in ("notes.f", "public.by_hand", "public.by_hand_id_seq"):
        assert f"backup:   {name} of postgres\n" in output
    assert "3 objects belong to other roles than those of the stack" in output


def test_two_at_once_do_not_work_on_one_volume(backups: Backups) -> None:
    program_before(backups, "pg_dump", f': >"{backups.volume}/started"\nexec sleep 300')
    with backups.running() as process:
        wait_until((backups.volume / "started").exists, "the first is at work")

        result = backups.run()

        assert result.returncode == 1
        assert "Another backup or restore is running" in result.stdout
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

    own = "SELECT count(*) FROM pg_tables WHERE tableowner = current_user"
    assert backups.execute(own) == [(0,)]


@pytest.fixture
def small_volume(backups: Backups) -> Iterator[Callable[[int], None]]:
    """Makes the volume one of so many KiB."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    mounted = []

    def make(kibibytes: int) -> None:
        options = f"size={kibibytes}k,mode=0700,uid=10001,gid=10001"
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
        pytest.param(8 * 1024, 24, False, id="by the dump"),
        pytest.param(24 * 1024, 1, True, id="by the new server"),
        pytest.param(90 * 1024, 40, True, id="by the restored copy"),
        # A page of the volume is half a block: in one of the two the last block is cut, and the server reports another
        # error.
        pytest.param(90 * 1024 + 4, 40, True, id="by the restored copy, with another half block"),
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
        "The volume of the backups is full. This dump is not kept; the earlier ones are unchanged: 1 of them. "
        "Raise backup.storage.size."
    )
    assert earlier.read_text() == "earlier"
