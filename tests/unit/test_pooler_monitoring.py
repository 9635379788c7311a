"""Metrics of PgBouncer: the exporter, who may log in to the console, the rules and objects around it."""

import json

import pytest

from components.blocks.monitoring import exporter_resources
from components.blocks.quantities import quantity
from components.postgresql.pooler.monitoring.alerts import ALERTS
from stack_config.files import read_stack
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.recording import Recording, run
from tests.support.unit.uploads_in_pods import accepted

POOLED = ("postgresql.pooler.enabled=true", "postgresql.maxConnections=1200")
OWN = (*POOLED, "postgresql.resources.limits.memory=8Gi", "backup.enabled=true")
EXTERNAL = (
    *POOLED,
    "postgresql.topology=external",
    "postgresql.external.hosts=db.example.com",
    "backup.enabled=true",
    "backup.storage.size=20Gi",
)
SECRETS = {"databaseUrl": "postgresql://team:secret@db.example.com:5432/chats"}
MONITORED = ("monitoring.enabled=true", "monitoring.namespace=watch")
WATCHED = (*MONITORED, "monitoring.operator=true")


@pytest.fixture(scope="module", params=["standalone", "external"])
def topology(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def deployed(topology: str, *sets: str) -> Recording:
    return run(
        "prod", (*(EXTERNAL if topology == "external" else OWN), *sets), SECRETS if topology == "external" else {}
    )


@pytest.fixture(scope="module")
def watched(topology: str) -> Recording:
    return deployed(topology, *WATCHED)


@pytest.fixture(scope="module")
def unwatched(topology: str) -> Recording:
    return deployed(topology)


def connection(recording: Recording) -> dict[str, str]:
    [variable] = recording.containers["postgres-pooler/exporter"]["env"]
    assert variable["name"] == "PGBOUNCER_EXPORTER_CONNECTION_STRING"
    return dict(each.split("=") for each in variable["value"].split())


def test_the_exporter_connects_to_the_console_over_loopback(watched: Recording) -> None:
    made = connection(watched)
    assert (made["host"], made["port"], made["dbname"], made["user"]) == ("127.0.0.1", "5432", "pgbouncer", "exporter")
    assert made["sslmode"] == "disable"
    assert "password" not in made
    container = watched.containers["postgres-pooler/exporter"]
    assert not container.get("volumeMounts"), "by the socket it would be the administrator"
    assert [each["containerPort"] for each in container["ports"]] == [9127]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_with_tls_it_connects_as_every_client(topology: str) -> None:
    made = deployed(topology, *MONITORED, "postgresql.tls.issuer.name=internal")
    assert connection(made)["sslmode"] == "require"


def test_each_user_reaches_one_database_and_the_exporter_the_console_alone(watched: Recording) -> None:
    files = watched.one("ConfigMap", "postgres-pooler").inputs["data"]
    rules = [line.split() for line in files["pg_hba.conf"].splitlines() if not line.startswith("#")]
    assert rules == [
        ["host", "ragsystemdb", "ragsystemapp_1", "all", "scram-sha-256"],
        ["host", "ragsystemdb", "ragsystemapp_2", "all", "scram-sha-256"],
        ["host", "pgbouncer", "exporter", "127.0.0.1/32", "trust"],
    ]
    lines = files["pgbouncer.ini"].splitlines()
    assert {"auth_type = hba", "auth_hba_file = /etc/pgbouncer/pg_hba.conf", "stats_users = exporter"} <= set(lines)
    assert "admin_users = pgbouncer" in lines
    users = str(watched.one("Secret", "postgres-pooler").plain("stringData", "userlist.txt")).splitlines()
    assert users[-1] == '"exporter" ""'
    assert [line.split()[0] for line in users[:-1]] == ['"ragsystemapp_1"']


def test_without_monitoring_the_console_has_no_user_on_the_network(unwatched: Recording) -> None:
    files = unwatched.one("ConfigMap", "postgres-pooler").inputs["data"]
    assert "pg_hba.conf" not in files
    assert "auth_type = scram-sha-256" in files["pgbouncer.ini"].splitlines()
    assert "exporter" not in files["pgbouncer.ini"]
    assert "exporter" not in str(unwatched.one("Secret", "postgres-pooler").plain("stringData", "userlist.txt"))
    assert "postgres-pooler/exporter" not in unwatched.containers
    names = {each.name for each in unwatched.objects}
    assert not {"postgres-pooler-metrics", "postgres-pooler-dashboard"} & names


def test_prometheus_alone_reaches_the_metrics(watched: Recording, unwatched: Recording) -> None:
    with_it, without = (
        each.one("NetworkPolicy", "postgres-pooler").inputs["spec"]["ingress"] for each in (watched, unwatched)
    )
    [rule] = [each for each in with_it if each not in without]
    assert rule == {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "watch"}}}],
        "ports": [{"protocol": "TCP", "port": 9127}],
    }
    annotations = watched.one("Deployment", "postgres-pooler").inputs["spec"]["template"]["metadata"]["annotations"]
    assert (annotations["prometheus.io/scrape"], annotations["prometheus.io/port"]) == ("true", "9127")


def test_the_operator_of_prometheus_gets_its_objects(watched: Recording) -> None:
    service = watched.one("Service", "postgres-pooler-metrics").inputs
    monitor = watched.one("ServiceMonitor", "postgres-pooler-monitor").inputs["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    # The Service of the clients has a port that serves no metrics.
    own = watched.one("Service", "postgres-pooler").inputs["metadata"]["labels"]
    assert not monitor["selector"]["matchLabels"].items() <= own.items()
    assert service["spec"]["selector"] == {"app": "postgres-pooler"}
    [group] = watched.one("PrometheusRule", "postgres-pooler-alerts").inputs["spec"]["groups"]
    assert all('namespace="rag-system"' in rule["expr"] for rule in group["rules"])
    assert len(group["rules"]) == ALERTS.read_text().count("- alert:") > 3
    board = watched.one("ConfigMap", "postgres-pooler-dashboard").inputs
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(board["data"]["open-webui-stack-pooler.json"])["uid"] == "pooler-rag-system"


def test_the_quota_has_room_for_the_exporters(watched: Recording, unwatched: Recording, topology: str) -> None:
    def room(recording: Recording) -> int:
        return int(quantity(recording.one("ResourceQuota", "quota").inputs["spec"]["hard"]["limits.memory"]))

    fewer = ("postgresql.pooler.instances=1",)
    of_two = room(watched) - room(unwatched)
    of_one = room(deployed(topology, *WATCHED, *fewer)) - room(deployed(topology, *fewer))
    # One pod, and the one that leaves. The exporters of the other servers are in both.
    assert of_two - of_one == 2 * quantity(exporter_resources()["limits"]["memory"])


def test_its_image_with_the_operator_is_refused() -> None:
    values = {
        "topology": "cloudnative-pg",
        "resources": {"limits": {"memory": "3Gi"}},
        "pooler": {"enabled": True, "exporterImage": "registry.example.com/pgbouncer-exporter:v0.12.1"},
    }
    config = {f"{PROJECT}:kubeContext": "test", f"{PROJECT}:postgresql": json.dumps(values)}
    with pytest.raises(ConfigError, match=r"pooler\.exporterImage has no effect"):
        parse(accepted(config), ())


def test_the_kinds_of_the_operator_are_asked_for_in_front_of_an_external_server() -> None:
    config = read_stack("prod", ["kubeContext=test", *EXTERNAL, *WATCHED])
    secrets = {f"{PROJECT}:{name}": value for name, value in SECRETS.items()}
    settings = parse({**config.values, **secrets}, [*secrets])
    kinds = [kind.kind for each in settings.postgresql.kinds_needed(settings.monitoring) for kind in each.kinds]
    assert sorted(kinds) == ["PrometheusRule", "ServiceMonitor"]
