"""What every pod keeps: Pod Security "restricted" and what a cluster's operators ask for."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.blocks.quantities import quantity
from components.open_webui.termination import MIN_READY_SECONDS, deletion_timeout, grace_seconds, leaving_pods
from tests.support.unit.recording import Recording, run


@pytest.fixture(scope="module")
def monitored() -> Recording:
    return run("prod", ["monitoring.enabled=true"])


def test_pods_run_without_root_and_without_a_token(recording: Recording) -> None:
    for name, pod in recording.every_pod.items():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] >= 10000, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["serviceAccountName"] == name


def test_containers_can_gain_and_write_nothing(monitored: Recording) -> None:
    assert "redis/exporter" in monitored.containers
    for name, container in monitored.containers.items():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_containers_say_what_they_need(monitored: Recording) -> None:
    for name, container in monitored.containers.items():
        for side in ("requests", "limits"):
            assert set(container["resources"][side]) == {"cpu", "memory", "ephemeral-storage"}, name


def test_images_are_pinned_to_a_version(monitored: Recording) -> None:
    for name, container in monitored.containers.items():
        _, _, tag = container["image"].rpartition(":")
        assert tag
        assert "latest" not in tag, name


def test_probes_differ_and_liveness_is_the_more_patient_one(monitored: Recording) -> None:
    for pod, spec in monitored.pods.items():
        for container in spec["containers"]:
            ready, alive = container["readinessProbe"], container["livenessProbe"]
            assert ready != alive
            patience = [probe["periodSeconds"] * probe["failureThreshold"] for probe in (ready, alive)]
            assert patience[0] < patience[1], f"{pod}/{container['name']}"


def test_readiness_asks_something_else_than_liveness(recording: Recording) -> None:
    for pod, spec in recording.pods.items():
        for container in spec["containers"]:
            asked = [
                {name: probe[name] for name in ("exec", "httpGet", "tcpSocket") if name in probe}
                for probe in (container["readinessProbe"], container["livenessProbe"])
            ]
            assert asked[0] != asked[1], f"{pod}/{container['name']}"


@pytest.mark.parametrize(("answer", "alive"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_postgresql_that_rejects_connections_is_alive(
    answer: int, alive: bool, recording: Recording, tmp_path: Path
) -> None:
    """Exit codes of pg_isready: accepting, rejecting, no response, no attempt made."""
    (tmp_path / "pg_isready").write_text(f"#!/bin/sh\nexit {answer}\n")
    (tmp_path / "pg_isready").chmod(0o755)
    command = recording.containers["postgres/postgres"]["livenessProbe"]["exec"]["command"]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert (subprocess.run(command, env=variables, check=False).returncode == 0) is alive


def test_liveness_of_open_webui_asks_neither_database_nor_redis(recording: Recording) -> None:
    container = recording.containers["open-webui/open-webui"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/db"


def test_redis_probes_compare_the_answer(recording: Recording) -> None:
    assert recording.containers["redis/redis"]["startupProbe"]["tcpSocket"] == {"port": "redis"}
    for probe in ("readinessProbe", "livenessProbe"):
        command = recording.containers["redis/redis"][probe]["exec"]["command"][-1]
        assert "grep" in command
        assert "PONG" in command
        assert " -a " not in command


def test_one_redis_that_hangs_leaves_its_service_after_six_seconds(recording: Recording) -> None:
    probe = recording.containers["redis/redis"]["readinessProbe"]
    assert probe["exec"]["command"][-1].startswith("timeout 2 ")
    # The next attempt begins when the one before has ended: the longer of the two times counts.
    assert max(2, probe["periodSeconds"]) * probe["failureThreshold"] == 6


def test_volumes_that_are_mounted_are_there(monitored: Recording) -> None:
    assert "postgres-backup" in monitored.every_pod
    for pod, spec in monitored.every_pod.items():
        volumes = {volume["name"] for volume in spec["volumes"]}
        mounted = {
            m["name"] for c in [*spec.get("initContainers", []), *spec["containers"]] for m in c.get("volumeMounts", [])
        }
        assert mounted == volumes, pod


def test_references_lead_to_objects_of_the_stack(monitored: Recording) -> None:
    there = {(r.kind, r.inputs["metadata"]["name"]) for r in monitored.objects}
    for spec in monitored.every_pod.values():
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in there
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
    for container in monitored.containers.values():
        for variable in container.get("env", []):
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["key"] in monitored.one("Secret", reference["name"]).plain("stringData")


def test_a_rolling_update_of_open_webui_never_takes_a_serving_pod(recording: Recording) -> None:
    spec = recording.one("Deployment", "open-webui").inputs["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    pod = recording.pods["open-webui"]
    pause = recording.containers["open-webui/open-webui"]["lifecycle"]["preStop"]["sleep"]["seconds"]
    command = recording.containers["open-webui/open-webui"]["command"]
    drain, shutdown = int(command[3]), int(command[command.index("--timeout-graceful-shutdown") + 1])
    assert pod["terminationGracePeriodSeconds"] > pause + drain + shutdown


@given(replicas=st.integers(1, 100), drain=st.integers(0, 1800))
def test_pods_that_leave_are_those_of_one_roll_within_the_grace_period(replicas: int, drain: int) -> None:
    leaving = leaving_pods(replicas, drain)
    assert 1 <= leaving <= replicas
    assert leaving == replicas or leaving * MIN_READY_SECONDS >= grace_seconds(drain)
    assert int(deletion_timeout(drain).removesuffix("s")) > grace_seconds(drain)


def test_only_the_init_container_migrates(recording: Recording) -> None:
    migrations = {
        name: next(v["value"] for v in recording.containers[name]["env"] if v["name"] == "ENABLE_DB_MIGRATIONS")
        for name in ("open-webui/migrate", "open-webui/open-webui")
    }
    assert migrations == {"open-webui/migrate": "true", "open-webui/open-webui": "false"}


def test_a_web_pod_connects_to_the_redis_that_migrate_has_waited_for(recording: Recording) -> None:
    [migrate] = recording.pods["open-webui"]["initContainers"]
    assert migrate["command"] == ["python", "-m", "startup.migrate"]
    of_redis = [
        {v["name"]: v for v in each["env"] if v["name"].startswith(("REDIS_", "WEBSOCKET_"))}
        for each in (migrate, recording.containers["open-webui/open-webui"])
    ]
    assert of_redis[0] == of_redis[1]
    assert {"REDIS_URL", "WEBSOCKET_REDIS_URL"} <= of_redis[0].keys()
    assert {"name": "MIGRATE_REDIS_WAIT_SECONDS", "value": "300"} in migrate["env"]


def test_two_passwords_of_redis_are_valid_during_a_rotation() -> None:
    recording = run("dev", ["rotate.redis=3"])
    [user] = [
        line.split()
        for line in recording.one("Secret", "redis-acl").plain("stringData", "users.acl").splitlines()
        if line.startswith("user openwebui ")
    ]
    assert [word for word in user if word.startswith("#")] == [
        f"#{sha256(f'generated/redis-password-{number}@%'.encode()).hexdigest()}" for number in (2, 3)
    ]


def test_there_is_one_redis_at_a_time(recording: Recording) -> None:
    spec = recording.one("Deployment", "redis").inputs["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_a_volume_has_one_server_at_a_time() -> None:
    recording = run("prod", ["redis.durability=volume"])
    # A Deployment starts the next pod while the last one is still ending.
    assert [r.kind for r in recording.objects if r.name == "redis" and "template" in r.inputs.get("spec", {})] == [
        "StatefulSet"
    ]
    claim = recording.one("PersistentVolumeClaim", "redis-data")
    assert claim.protect
    assert claim.retain_on_delete
    assert recording.pods["redis"]["volumes"][-1]["persistentVolumeClaim"] == {"claimName": "redis-data"}


def test_a_file_in_the_pod_is_within_its_limit() -> None:
    recording = run("prod", ["redis.durability=container"])
    [volume] = [v for v in recording.pods["redis"]["volumes"] if v["name"] == "data"]
    limit = recording.containers["redis/redis"]["resources"]["limits"]["ephemeral-storage"]
    assert quantity(volume["emptyDir"]["sizeLimit"]) < quantity(limit)


def test_budgets_let_every_node_be_drained(recording: Recording) -> None:
    for name, replicas in (("redis", 1), ("postgres", 1), ("open-webui", 2)):
        spec = recording.one("PodDisruptionBudget", name).inputs["spec"]
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert 1 <= spec["maxUnavailable"] <= max(replicas - 1, 1)


def test_pods_are_spread_over_nodes_and_zones(recording: Recording) -> None:
    keys = [c["topologyKey"] for c in recording.pods["open-webui"]["topologySpreadConstraints"]]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


def test_the_namespace_enforces_pod_security(recording: Recording) -> None:
    labels = recording.one("Namespace", "namespace").inputs["metadata"]["labels"]
    modes = ("enforce", "audit", "warn")
    assert [labels[f"pod-security.kubernetes.io/{mode}"] for mode in modes] == ["restricted"] * 3
    assert [labels[f"pod-security.kubernetes.io/{mode}-version"] for mode in modes] == ["v1.30"] * 3


def test_the_server_knows_how_much_memory_it_has() -> None:
    conf = run("dev", ["postgresql.resources.limits.memory=4Gi"]).one("ConfigMap", "postgres-conf").inputs["data"]
    assert "shared_buffers = 722MB" in conf["postgresql.conf"]


def test_the_autoscaler_starts_from_its_fewest_replicas_and_is_then_left_alone(prod: Recording) -> None:
    deployment = prod.one("Deployment", "open-webui")
    assert deployment.inputs["spec"]["replicas"] == 3
    assert deployment.ignore_changes == ("spec.replicas",)


def test_without_autoscaling_the_number_of_replicas_is_the_stacks(dev: Recording) -> None:
    assert dev.one("Deployment", "open-webui").ignore_changes == ()


def test_clients_reach_the_database_as_soon_as_it_listens(dev: Recording) -> None:
    """There is one server: its readiness could only keep connections away from it after a restart."""
    assert dev.one("Service", "postgres").inputs["spec"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in dev.one("Service", "open-webui").inputs["spec"]
