"""Every panel of every dashboard returns data, from a real Prometheus with the metrics of real servers."""

import time
from pathlib import Path

import pytest

from components.open_webui.monitoring.alerts import dashboard as web_dashboard
from components.open_webui.monitoring.alerts import prometheus_rules
from components.postgresql.cloudnative_pg.monitoring.alerts import dashboard as cloudnative_pg_dashboard
from components.postgresql.monitoring.alerts import dashboard as postgresql_dashboard
from components.postgresql.pooler.configuration import own_server_ini
from components.postgresql.pooler.monitoring.alerts import dashboard as pooler_dashboard
from components.redis.monitoring.alerts import dashboard as redis_dashboard
from host.waiting import attempts
from tests.support.e2e.panel_data import CLOUDNATIVE_PG_SAMPLES
from tests.support.servers.backups import backups_of
from tests.support.servers.open_webui import ADMIN_EMAIL, servers
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER, Database, rendered_database
from tests.support.servers.prometheus import Prometheus, prometheus
from tests.support.servers.recorded_metrics import serving, with_label
from tests.support.servers.redis_cluster import PASSWORDS
from tests.support.servers.redis_nodes import Nodes
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.rendered import Find
from tests.support.servers.rendered_pooler import ON, RenderedPooler
from tests.support.servers.running_exporters import (
    exported_settings,
    pooler_exporter,
    postgresql_exporter,
    redis_exporter,
)
from tests.support.servers.server_process import postgresql_with_pgvector, server_directory

NAMESPACE = "rag-system"
PANEL_SECONDS = 60
NOT_IN_THE_SAMPLES = (
    "cnpg_open_webui_stack_backup_failed_timestamp_seconds",
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp",
)
# A share of reads: without reads it is not a number, and samples do not change.
CHANGING = "cnpg_pg_stat_database_blks_hit"
# Debian's redis_exporter is older than the image's (test_redis_exporter.py).
NOT_IN_DEBIANS = "redis_client_output_buffer_limit_disconnections_total"


def all_return_data(server: Prometheus, dashboard: dict[str, object], *elsewhere: str) -> None:
    """Wait until every query returns data, but those that name one of the metrics."""
    for _ in attempts(seconds=PANEL_SECONDS, every=1):
        missing = [each for each in server.without_data(dashboard) if not any(name in each for name in elsewhere)]
        if not missing:
            return
    assert missing == [], server.scrape_errors()


def test_every_panel_of_the_web_pods(directory: Path) -> None:
    with servers() as around, prometheus(directory) as server:
        endpoint = f"openWebui.observability.otel.metricsEndpoint={server.otlp_endpoint}"
        deployment = around.open_webui("dev", endpoint, "openWebui.observability.otel.intervalSeconds=5")
        deployment.migrated()
        with deployment.replicas(2) as replicas:
            answer = replicas[0].sign_in(ADMIN_EMAIL, deployment.admin_password)
            assert answer.status == 200
            token = answer.body["token"]

            def requests() -> None:
                for replica in replicas:
                    for path in ("/api/v1/auths/", "/api/models", "/api/v1/chats/?page=1", "/api/config"):
                        assert replica.request("GET", path, token=token).status == 200
                time.sleep(3)

            # Rates need requests in more than one export.
            for _ in range(5):
                requests()
            all_return_data(server, web_dashboard(NAMESPACE))
            counted = server.query(f'sum by (instance) (http_server_requests_total{{job="{NAMESPACE}/open-webui"}})')
            assert {each["metric"]["instance"] for each in counted} == {each.data.parent.name for each in replicas}
            [users] = server.query(f'max(webui_users_total{{job="{NAMESPACE}/open-webui"}})')
            assert users["value"][1] == "1"
            [group] = prometheus_rules(NAMESPACE, pushes_metrics=True, migrate_seconds=1800)["groups"]
            fine = {rule["alert"]: server.query(rule["expr"]) for rule in group["rules"]}
            assert [alert for alert, series in fine.items() if series] == []


@pytest.mark.parametrize("engine", ["redis"])
def test_every_panel_of_redis(nodes: Nodes, manifest: Find, engine: str) -> None:
    config = (f"redis.engine={engine}", "redis.topology=sentinel", "monitoring.enabled=true")
    workload = manifest("prod", "StatefulSet", "redis", config)
    primary = nodes.nodes[0]
    password = PASSWORDS["exporter"][0]
    with (
        server_directory() as place,
        redis_exporter(workload, primary.directory, primary.address, 6379, password) as exporter,
        prometheus(place, [exporter.address]) as server,
    ):
        all_return_data(server, redis_dashboard(NAMESPACE), NOT_IN_DEBIANS)


def test_every_panel_of_postgresql_and_the_backups(directory: Path) -> None:
    major = 16
    database = rendered_database(directory, postgresql_with_pgvector(major), exported_settings(major))
    with (directory / "conf" / "postgresql.conf").open("a") as configuration:
        configuration.write("\narchive_mode = on\narchive_command = 'true'\n")
    database.copied()
    with (
        server_directory() as place,
        database.serving(),
        postgresql_exporter(database, major) as exporter,
        prometheus(place, [exporter.address]) as server,
    ):
        backups = backups_of(database, exported_settings(major))
        backups.done()
        with database.connect(host=str(database.directory / "run"), user="postgres", autocommit=True) as connection:
            now = int(time.time())
            for name, value in {
                "certificate": f"{now} {now + 86400}",
                "base_backup_begun": str(now),
                "base_backup_failing_since": str(now),
            }.items():
                connection.execute(f"ALTER ROLE exporter SET open_webui_stack.{name} = '{value}'".encode())
            connection.execute("UPDATE open_webui_stack.backup SET failed_at = now()")
            connection.execute("SELECT pg_switch_wal()")
            all_return_data(server, postgresql_dashboard(NAMESPACE))


def test_every_panel_of_the_pooler(database: Database) -> None:
    database.copied()
    with server_directory() as place, database.serving():
        server_ini = own_server_ini("postgres", None).replace(
            "host='postgres' port='5432'", f"host='127.0.0.1' port='{database.port}'"
        )
        sets = (*ON, "monitoring.enabled=true")
        pooler = RenderedPooler(database.directory / "pooler", server_ini, {CLIENT_USER: CLIENT_PASSWORD}, sets)
        with (
            pooler.serving(),
            pooler_exporter(pooler) as exporter,
            prometheus(place, [exporter.address]) as server,
            pooler.connect(CLIENT_USER) as client,
        ):
            client.execute("SELECT 1")
            all_return_data(server, pooler_dashboard(NAMESPACE))


def test_every_panel_of_cloudnative_pg(directory: Path) -> None:
    """With what the instances of a cluster on the node exported (tests/e2e/test_cloudnative_pg.py).

    That cluster was healthy and had no base backups. The panels about these have data once the metrics exist.
    """
    samples = {file.stem: file.read_text() for file in CLOUDNATIVE_PG_SAMPLES.glob("*.txt")}
    assert samples.keys() == {"postgres-1", "postgres-2", "postgres-3"}
    recorded = "".join(with_label(text, "pod", pod) for pod, text in samples.items())
    model = cloudnative_pg_dashboard(NAMESPACE)
    with serving(recorded) as address, prometheus(directory, [address]) as server:
        all_return_data(server, model, *NOT_IN_THE_SAMPLES, CHANGING)
        missing = server.without_data(model)
        assert all(any(name in each for each in missing) for name in NOT_IN_THE_SAMPLES)
    now = int(time.time())
    lacking = "".join(f'{name}{{pod="postgres-1",place="elsewhere"}} {now}\n' for name in NOT_IN_THE_SAMPLES)
    with serving(recorded + lacking) as address, prometheus(directory, [address]) as server:
        all_return_data(server, model, CHANGING)
