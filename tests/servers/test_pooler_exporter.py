"""pgbouncer_exporter as the pod runs it: it exports what an alert or the dashboard names, and can do nothing else."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.postgresql.names import CLIENT_ROLE, SERVICE, USER
from components.postgresql.pooler.configuration import CONSOLE, own_server_ini
from components.postgresql.pooler.monitoring.alerts import dashboard, prometheus_rules
from components.postgresql.pooler.monitoring.exporter import EXPORTER_USER
from components.postgresql.pooler.names import POOLER
from components.postgresql.pooler.settings import EXPORTER_IMAGE
from devcluster.toolchain.go_programs import PGBOUNCER_EXPORTER, build
from tests.support.servers.certificates import make_authority, mount_secret
from tests.support.servers.exporters import Metrics
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER, PASSWORD, Database
from tests.support.servers.promtool import queries
from tests.support.servers.rendered_pooler import ON, RenderedPooler
from tests.support.servers.running_exporters import pooler_exporter
from tests.support.servers.server_process import wait_until

MONITORED = (*ON, "monitoring.enabled=true")


@pytest.fixture
def served(database: Database) -> Iterator[Database]:
    """A running server."""
    database.copied()
    with database.serving():
        yield database


def in_front_of(database: Database, sets: tuple[str, ...] = MONITORED, **changes: str) -> RenderedPooler:
    """A PgBouncer for the server, which listens elsewhere than in the cluster."""
    server = own_server_ini(SERVICE, None).replace(
        "host='postgres' port='5432'", f"host='127.0.0.1' port='{database.port}'"
    )
    return RenderedPooler(database.directory / "pooler", server, {CLIENT_USER: CLIENT_PASSWORD}, sets, changes=changes)


def value(metrics: Metrics, series: str, **labels: str) -> float:
    """The sum of the series of a name and labels."""
    return sum(each.value for each in metrics[series] if labels.items() <= each.labels.items())


def named() -> set[str]:
    """Metrics that the alerts and the dashboard ask for."""
    [group] = prometheus_rules("x")["groups"]
    asked = [*(rule["expr"] for rule in group["rules"]), *queries(dashboard("x"))]
    return {name for query in asked for name in re.findall(r"\bpgbouncer_\w+(?=[{\[])", query)}


def test_every_metric_is_exported_without_an_error(served: Database) -> None:
    pooler = in_front_of(served)
    with pooler.serving(), pooler_exporter(pooler) as running, pooler.connect(CLIENT_USER) as client:
        assert client.execute("SELECT current_user").fetchall() == [(CLIENT_ROLE,)]
        metrics = running.metrics()
        log = running.log.read_text()
    assert len(named()) > 10
    assert named() - set(metrics) == set()
    assert value(metrics, "pgbouncer_up") == 1
    of_clients = {"database": "ragsystemdb", "user": CLIENT_USER}
    assert value(metrics, "pgbouncer_pools_client_active_connections", **of_clients) == 1
    assert value(metrics, "pgbouncer_databases_max_connections", name="ragsystemdb") > 0
    assert value(metrics, "pgbouncer_stats_totals_queries_pooled_total", database="ragsystemdb") >= 1
    assert not re.search(r"level=(WARN|ERROR)", log), log
    complaints = [line for line in pooler.log.read_text().splitlines() if re.search("WARNING|ERROR", line)]
    assert complaints == []


def test_a_client_that_waits_is_in_the_metrics_of_the_alerts(served: Database) -> None:
    pooler = in_front_of(served, default_pool_size="1", max_db_connections="1")
    with pooler.serving(), pooler_exporter(pooler) as running, pooler.connect(CLIENT_USER) as holder:
        holder.execute("SELECT 1")
        command = ["psql", "-X", "-h", "127.0.0.1", "-p", str(pooler.port), "-U", CLIENT_USER, "-c", "SELECT 1"]
        waiting = subprocess.Popen(
            [*command, "ragsystemdb"],
            env={"PGPASSWORD": CLIENT_PASSWORD, "PATH": "/usr/bin"},
            stdout=subprocess.DEVNULL,
        )
        wait_until(
            lambda: value(running.metrics(), "pgbouncer_pools_client_maxwait_seconds") >= 1, "a second of waiting", 20
        )
        assert value(running.metrics(), "pgbouncer_pools_client_waiting_connections") == 1
        holder.close()
        assert waiting.wait(20) == 0
        metrics = running.metrics()
    assert value(metrics, "pgbouncer_pools_client_waiting_connections") == 0
    assert value(metrics, "pgbouncer_pools_client_maxwait_seconds") == 0


def test_a_pgbouncer_that_stops_is_down_and_one_that_starts_again_is_up(served: Database) -> None:
    pooler = in_front_of(served)
    with ExitStack() as first:
        first.enter_context(pooler.serving())
        with pooler_exporter(pooler) as running:
            assert value(running.metrics(), "pgbouncer_up") == 1
            first.close()
            assert value(running.metrics(), "pgbouncer_up") == 0
            with pooler.serving():
                assert value(running.metrics(), "pgbouncer_up") == 1


def on_console(pooler: RenderedPooler, **changes: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    """A session of the exporter."""
    # The console knows no prepared statements.
    return pooler.connect(
        EXPORTER_USER, **{"dbname": CONSOLE, "password": "", "cursor_factory": psycopg.ClientCursor, **changes}
    )


def test_its_user_reads_statistics_and_changes_nothing(served: Database) -> None:
    pooler = in_front_of(served)
    with pooler.serving(), on_console(pooler) as console:
        assert console.execute("SHOW VERSION").fetchall()
        for refused in ("PAUSE", "SHUTDOWN", "RELOAD", "KILL ragsystemdb", "SET pool_mode = 'statement'"):
            with pytest.raises(psycopg.Error, match="admin access needed"):
                console.execute(refused.encode())
        shown = str(console.execute("SHOW USERS").fetchall())
        assert "SCRAM-SHA-256" not in shown


def test_it_reaches_the_console_alone_and_no_other_user_does(served: Database) -> None:
    pooler = in_front_of(served)
    nothing = "no authentication method is found"
    with pooler.serving():
        with pooler.connect(CLIENT_USER) as client:
            assert client.execute("SELECT current_user").fetchall() == [(CLIENT_ROLE,)]
        with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
            pooler.connect(CLIENT_USER, password="guess")
        with pytest.raises(psycopg.OperationalError, match=nothing):
            pooler.connect(EXPORTER_USER, password="")
        for user, password in {CLIENT_USER: CLIENT_PASSWORD, USER: PASSWORD, CONSOLE: "x"}.items():
            with pytest.raises(psycopg.OperationalError, match=f"{nothing}|not allowed"):
                pooler.connect(user, password=password, dbname=CONSOLE)
        with pytest.raises(psycopg.OperationalError, match=nothing):
            pooler.connect(USER, password=PASSWORD)


def own_address() -> str:
    """An address of this machine that is not the loopback interface's. Nothing is sent to the documentation address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.connect(("192.0.2.1", 9))
        return str(connection.getsockname()[0])


def test_from_another_address_it_is_refused(served: Database) -> None:
    pooler = in_front_of(served, listen_addr="*")
    address = own_address()
    assert not address.startswith("127.")
    with pooler.serving():
        on_console(pooler).close()
        with pytest.raises(psycopg.OperationalError, match="no authentication method is found"):
            on_console(pooler, host=address)
        pooler.connect(CLIENT_USER, host=address).close()


def test_with_tls_it_uses_tls(served: Database, directory: Path) -> None:
    pooler = in_front_of(served, (*MONITORED, "postgresql.tls.secretName=postgresql-tls"))
    authority = make_authority(directory / "authority").parent
    mount_secret(authority, pooler.directory / "tls", POOLER)
    with pooler.serving(), pooler_exporter(pooler) as running:
        assert value(running.metrics(), "pgbouncer_up") == 1
        with pytest.raises(psycopg.OperationalError, match="SSL required"):
            on_console(pooler, sslmode="disable")


def test_the_program_is_the_version_of_the_image() -> None:
    done = subprocess.run([build(PGBOUNCER_EXPORTER), "--version"], capture_output=True, text=True, check=True)
    version = re.search(r":v(\d+\.\d+\.\d+)$", EXPORTER_IMAGE)
    assert version
    assert f"version {version[1]} " in done.stdout + done.stderr
