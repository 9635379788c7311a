"""A cluster of CloudNativePG: the same outputs and rotation as one server, and only what the operator takes."""

from typing import Any
from urllib.parse import quote

import pytest

from components.blocks.quantities import quantity
from components.postgresql.container_sizes import load_roles_resources
from components.postgresql.stored_data import refused_cluster, refused_image, stored_data
from stack_config.files import read_stack
from stack_config.load import ConfigError, parse
from stack_config.settings import StackSettings
from tests.support.unit.effects_on_cloudnative_pg import ON, POOLED
from tests.support.unit.recording import Recording, run

AUTHORITY = "sslmode=verify-full&sslrootcert=/etc/postgresql-ca/ca.crt"


@pytest.fixture(scope="module")
def cluster() -> Recording:
    return run("prod", ON)


@pytest.fixture(scope="module")
def pooled() -> Recording:
    return run("prod", (*POOLED, "postgresql.maxConnections=1000", "postgresql.resources.limits.memory=8Gi"))


def spec(recording: Recording, kind: str, name: str) -> Any:
    return recording.one(kind, name).inputs["spec"]


def settings_of(*sets: str) -> StackSettings:
    return parse(read_stack("dev", ["kubeContext=test", *sets]).values, [])


def test_outputs_are_those_of_one_server_with_a_verified_connection(cluster: Recording, pooled: Recording) -> None:
    password = cluster.one("Secret", "postgresql-secret").plain("stringData", "password")
    url = f"postgresql://ragsystemuser:{quote(password, safe='')}@postgres:5432/ragsystemdb?{AUTHORITY}"
    assert cluster.outputs["database_url"] == (url, True)
    assert pooled.outputs["database_url"][0].endswith(f"@postgres:5432/ragsystemdb?{AUTHORITY}")
    through = pooled.one("Secret", "postgresql-secret").plain("stringData", "client-url")
    assert f"@postgres-pooler:5432/ragsystemdb?{AUTHORITY}" in through
    owner = cluster.one("Secret", "postgresql-secret").plain("stringData", "owner-url")
    assert owner.startswith(url)
    client = cluster.one("Secret", "postgresql-secret").plain("stringData", "client-url")
    assert f"@postgres:5432/ragsystemdb?{AUTHORITY}&connect_timeout=5" in client


def test_clients_mount_the_certificate_and_not_the_key_of_the_authority(cluster: Recording) -> None:
    [volume] = [v for v in cluster.pods["open-webui"]["volumes"] if v["name"] == "postgresql-ca"]
    assert volume["secret"] == {"secretName": "postgres-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}


def test_the_service_of_the_source_document_is_in_the_certificate(cluster: Recording, pooled: Recording) -> None:
    """The operator puts the names of additional Services into it; that of PgBouncer has to be named."""
    [service] = spec(cluster, "Cluster", "postgres")["managed"]["services"]["additional"]
    assert (service["selectorType"], service["serviceTemplate"]["metadata"]["name"]) == ("rw", "postgres")
    assert "certificates" not in spec(cluster, "Cluster", "postgres")
    assert spec(pooled, "Cluster", "postgres")["certificates"] == {"serverAltDNSNames": ["postgres-pooler"]}


def test_nothing_of_one_server_is_deployed(cluster: Recording) -> None:
    assert "postgres" not in cluster.pods
    names = {(r.kind, r.name) for r in cluster.objects}
    for kind, name in (
        ("PersistentVolumeClaim", "postgres-data"),
        ("ServiceAccount", "postgres"),
        ("PodDisruptionBudget", "postgres"),
        ("Service", "postgres"),
    ):
        assert (kind, name) not in names, "the operator makes its own of that name, or none"


def test_the_cluster_is_protected_like_a_volume(cluster: Recording) -> None:
    """The operator deletes the volumes with it."""
    made = cluster.one("Cluster", "postgres")
    assert made.protect
    assert made.retain_on_delete
    assert not run("dev", ON).one("Cluster", "postgres").protect


def test_pulumi_waits_for_it_before_the_clients(cluster: Recording) -> None:
    made = cluster.one("Cluster", "postgres")
    assert made.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    web = cluster.one("Deployment", "open-webui")
    assert made.urn in cluster.waits_for(web)
    rules = {cluster.one("NetworkPolicy", "postgres").urn, cluster.one("Secret", "postgres-owner").urn}
    assert rules <= cluster.waits_for(made)


def test_a_commit_is_on_a_replica_before_it_is_acknowledged(cluster: Recording) -> None:
    expected = {"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": True}
    assert spec(cluster, "Cluster", "postgres")["postgresql"]["synchronous"] == expected
    for instances in (1, 2):
        alone = run("dev", (*ON, f"postgresql.cloudnativePg.instances={instances}"))
        assert "synchronous" not in spec(alone, "Cluster", "postgres")["postgresql"]


def test_one_policy_covers_instances_jobs_and_pgbouncer(pooled: Recording) -> None:
    """PgBouncer has no label of the stack: all of them have the one that the operator gives."""
    policy = spec(pooled, "NetworkPolicy", "postgres")
    own = {"podSelector": {"matchLabels": {"cnpg.io/cluster": "postgres"}}}
    assert policy["podSelector"] == own["podSelector"]
    clients = {peer["podSelector"]["matchLabels"]["app"] for peer in policy["ingress"][0]["from"]}
    assert clients == {"open-webui", "open-webui-preflight", "postgres-backup"}
    assert policy["ingress"][1] == {"from": [own], "ports": _ports(5432, 8000)}
    assert policy["egress"][0] == {"to": [own], "ports": _ports(5432, 8000)}
    assert policy["egress"][1]["ports"] == _ports(443, 6443)
    ranges = [peer["ipBlock"]["cidr"] for peer in policy["egress"][1]["to"]]
    assert "10.0.0.0/8" in ranges
    assert not {"0.0.0.0/0", "::/0", "169.254.0.0/16"} & set(ranges)
    web = spec(pooled, "NetworkPolicy", "open-webui")["egress"]
    assert {"to": [own], "ports": _ports(5432)} in web


def _ports(*numbers: int) -> list[dict[str, object]]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


WATCHED = (*POOLED, "monitoring.enabled=true", "monitoring.operator=true")


def test_prometheus_reads_instances_and_pgbouncer_and_evaluates_alerts() -> None:
    watched = run("dev", WATCHED)
    selected = {name: spec(watched, "PodMonitor", name)["selector"]["matchLabels"] for name in _MONITORS}
    assert selected == _MONITORS
    scraped = spec(watched, "NetworkPolicy", "postgres")["ingress"][-1]
    assert scraped["ports"] == _ports(9187, 9127)
    assert scraped["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    [group] = spec(watched, "PrometheusRule", "postgres-alerts")["groups"]
    assert {"PostgreSQLDown", "PostgreSQLPoolerFull"} <= {rule["alert"] for rule in group["rules"]}
    board = watched.one("ConfigMap", "postgres-dashboard")
    assert board.inputs["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert "cnpg_collector_up" in board.inputs["data"]["open-webui-stack-postgresql.json"]
    assert "monitoring" not in spec(watched, "Cluster", "postgres"), "there are no dumps to ask for"


def test_the_exporters_ask_for_the_record_of_the_dumps() -> None:
    """The record is of the dumps: without them, or without metrics, there is no query."""
    asked = run("dev", (*WATCHED, "backup.enabled=true"))
    [reference] = spec(asked, "Cluster", "postgres")["monitoring"]["customQueriesConfigMap"]
    queries = asked.one("ConfigMap", reference["name"])
    assert "open_webui_stack.backup" in queries.inputs["data"][reference["key"]]
    assert queries.inputs["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert queries.urn in asked.waits_for(asked.one("Cluster", "postgres"))
    [group] = spec(asked, "PrometheusRule", "postgres-alerts")["groups"]
    assert "PostgreSQLBackupOld" in {rule["alert"] for rule in group["rules"]}
    assert "monitoring" not in spec(run("dev", (*POOLED, "backup.enabled=true")), "Cluster", "postgres")


_MONITORS = {
    "postgres-pods": {"cnpg.io/cluster": "postgres", "cnpg.io/podRole": "instance"},
    "postgres-pooler-pods": {"cnpg.io/poolerName": "postgres-pooler"},
}


def test_the_quota_has_room_for_the_instances_and_one_job(cluster: Recording, pooled: Recording) -> None:
    one, hard, more = (
        spec(recording, "ResourceQuota", "quota")["hard"]
        for recording in (run("prod", ["postgresql.resources.limits.memory=3Gi"]), cluster, pooled)
    )
    assert int(hard["pods"]) - int(one["pods"]) == 3
    sidecar = quantity(load_roles_resources()["limits"]["memory"])
    assert quantity(hard["limits.memory"]) - quantity(one["limits.memory"]) == 3 * quantity("3Gi") - sidecar
    assert int(hard["persistentvolumeclaims"]) - int(one["persistentvolumeclaims"]) == 3
    assert int(more["pods"]) - int(hard["pods"]) == 3, "two PgBouncers and the surge of a rolling update"


def test_pools_of_all_pgbouncers_fit_into_the_server(pooled: Recording) -> None:
    """The one that is left has room for all clients, and all pools together for no more than there are connections."""
    parameters = spec(pooled, "Pooler", "postgres-pooler")["pgbouncer"]["parameters"]
    assert int(parameters["default_pool_size"]) == (1000 - 20) // 2
    with pytest.raises(ConfigError, match=r"postgresql\.maxConnections 450 is too low") as error:
        run("prod", (*POOLED, "postgresql.resources.limits.memory=8Gi"))
    needed = int(str(error.value).partition("allowed:  at least ")[2].partition(",")[0])
    assert run("prod", (*POOLED, "postgresql.resources.limits.memory=8Gi", f"postgresql.maxConnections={needed}"))
    with pytest.raises(ConfigError):
        run("prod", (*POOLED, "postgresql.resources.limits.memory=8Gi", f"postgresql.maxConnections={needed - 1}"))


def test_the_pods_of_pgbouncer_have_the_label_by_which_the_commands_find_them(pooled: Recording) -> None:
    assert spec(pooled, "Pooler", "postgres-pooler")["template"]["metadata"]["labels"] == {"app": "postgres-pooler"}


def test_pods_get_what_the_settings_say_where_a_cluster_has_a_field() -> None:
    made = spec(
        run(
            "dev",
            (
                *ON,
                "pods.labels.team=data",
                "pods.nodeSelector.disk=ssd",
                "pods.imagePullSecrets[0]=registry",
                "postgresql.pods.tolerations[0].key=db",
                "postgresql.pods.tolerations[0].operator=Exists",
                "postgresql.pods.priorityClassName=database",
                "postgresql.storage.className=fast",
            ),
        ),
        "Cluster",
        "postgres",
    )
    assert made["inheritedMetadata"]["labels"] == {"team": "data", "app": "postgres"}
    assert made["affinity"]["nodeSelector"] == {"disk": "ssd"}
    assert made["affinity"]["tolerations"] == [{"key": "db", "operator": "Exists"}]
    assert made["imagePullSecrets"] == [{"name": "registry"}]
    assert made["priorityClassName"] == "database"
    assert made["storage"]["storageClass"] == "fast"


def test_no_parameter_is_one_of_the_operators(cluster: Recording) -> None:
    """FixedConfigurationParameters of its webhook, as far as a configuration of one server has them."""
    refused = {"listen_addresses", "port", "hba_file", "data_directory", "logging_collector", "log_destination", "ssl"}
    own = spec(cluster, "Cluster", "postgres")["postgresql"]["parameters"]
    assert not refused & own.keys()
    assert own["max_slot_wal_keep_size"] == "12800MB", "a quarter of the volume"


def test_memory_is_left_for_the_instance_manager() -> None:
    with pytest.raises(ConfigError, match=r"resources\.limits\.memory 2Gi is too little"):
        run("dev", ["postgresql.topology=cloudnative-pg"])


OLD = {"image": "postgresql:17.6-standard-trixie", "size": "10Gi", "topology": "cloudnative-pg"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, ""),
        ({"image": "postgresql:18.1-standard-trixie", "size": "20Gi"}, ""),
        ({"image": "postgresql:16.9-standard-trixie"}, "postgresql.cloudnativePg.image"),
        ({"size": "9Gi"}, "postgresql.storage.size"),
    ],
)
def test_what_the_volumes_cannot_follow_is_refused(changes: dict[str, str], key: str) -> None:
    finding = refused_cluster(OLD, {**OLD, **changes})
    assert (finding.key if finding else "") == key


def test_another_topology_would_start_with_an_empty_database() -> None:
    standalone = stored_data(settings_of().postgresql)
    for finding, topology in (
        (refused_cluster(standalone, OLD), "standalone"),
        (refused_image(OLD, standalone), "cloudnative-pg"),
    ):
        assert finding
        assert finding.key == "postgresql.topology"
        assert finding.commands == (f"pulumi config set --path postgresql.topology {topology}",)
