"""`make drift` reports manual changes in the cluster and changes nothing itself."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from devcluster.toolchain.providers import search_path
from devcluster.toolchain.pulumi_cli import pulumi_cli
from stackctl.drift.metrics import COMPARED
from tests.support.engine.machine import Machine

NAMESPACE = "rag-system"
BY_HAND = "made-by-hand-and-secret"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.succeed(
        "up",
        "--cluster",
        "kwok",
        "--set",
        "openWebui.autoscaling.minReplicas=2",
        "--set",
        "openWebui.autoscaling.maxReplicas=4",
    )
    yield machine
    machine.stackctl("down")


@pytest.fixture(scope="module")
def api(machine: Machine) -> Any:
    return config.new_client_from_config(machine.succeed("kubeconfig").strip())


def objects(api: Any) -> dict[str, str]:
    """Versions of what a report is about: another one means that somebody wrote."""
    # Untyped: in the models every field may be None, in what the API server answers it is not.
    core: Any = client.CoreV1Api(api)
    apps: Any = client.AppsV1Api(api)
    listed = [
        *core.list_namespaced_secret(NAMESPACE).items,
        *core.list_namespaced_config_map(NAMESPACE).items,
        *core.list_namespaced_service(NAMESPACE).items,
    ]
    generations = {
        item.metadata.name: str(item.metadata.generation) for item in apps.list_namespaced_deployment(NAMESPACE).items
    }
    return {str(item.metadata.uid): item.metadata.resource_version for item in listed} | generations


def test_objects_that_are_unchanged_have_not_drifted(machine: Machine) -> None:
    done = machine.stackctl("drift")
    assert (done.returncode, done.stdout) == (0, "dev: no drift\n"), done.stderr


def test_what_the_autoscaler_chose_is_no_drift(machine: Machine, api: Any) -> None:
    client.AppsV1Api(api).patch_namespaced_deployment_scale("open-webui", NAMESPACE, {"spec": {"replicas": 3}})
    assert machine.stackctl("drift").returncode == 0


def test_a_refresh_by_pulumi_gives_the_same_report_and_metrics(machine: Machine, api: Any, tmp_path: Path) -> None:
    core: Any = client.CoreV1Api(api)
    secret = core.read_namespaced_secret("openwebui-secret", NAMESPACE).data["secret-key"]
    core.patch_namespaced_secret("openwebui-secret", NAMESPACE, {"stringData": {"secret-key": BY_HAND}})
    metrics, events = tmp_path / "drift.prom", tmp_path / "events.json"
    try:
        done = machine.stackctl("drift", "--metrics", str(metrics))
        measured = metrics.read_text()
        events.write_text(refreshed_by_pulumi(machine, KUBECONFIG=machine.succeed("kubeconfig").strip()))
        from_events = machine.stackctl("drift", "--events", str(events), "--metrics", str(metrics))
    finally:
        core.patch_namespaced_secret("openwebui-secret", NAMESPACE, {"data": {"secret-key": secret}})

    assert done.returncode == 2
    assert 'open_webui_stack_drift_objects{environment="dev",namespace="rag-system"} 1\n' in measured
    assert (from_events.returncode, from_events.stdout) == (2, done.stdout)
    assert without_times(metrics.read_text()) == without_times(measured)
    assert abs(compared(metrics) - time.time()) < 60
    assert BY_HAND not in events.read_text()
    assert machine.stackctl("drift", "--metrics", str(metrics)).returncode == 0
    assert 'namespace="rag-system"} 0\n' in metrics.read_text()


def test_hand_edits_are_reported_without_secrets_and_put_back(machine: Machine, api: Any) -> None:
    core: Any = client.CoreV1Api(api)
    core.patch_namespaced_config_map("redis-conf", NAMESPACE, {"data": {"redis.conf": "maxmemory 1"}})
    core.patch_namespaced_secret("openwebui-secret", NAMESPACE, {"stringData": {"secret-key": BY_HAND}})
    core.delete_namespaced_service("redis-service", NAMESPACE)
    before = (machine.state("dev"), objects(api))

    done = machine.stackctl("drift")

    assert done.returncode == 2
    report = done.stdout.splitlines()
    assert [line for line in report if not line.startswith(" ")] == [
        "changed  ConfigMap redis-conf",
        "changed  Secret openwebui-secret",
        "deleted  Service redis-service",
    ]
    assert "             cluster  line 1: maxmemory 1" in report
    assert report[report.index("changed  Secret openwebui-secret") + 1 :][:3] == [
        "           data.secret-key",
        "             state    [secret]",
        "             cluster  [secret]",
    ]
    generated = json.loads(machine.succeed("outputs", "--secrets"))["admin_password"]
    for secret in (BY_HAND, generated):
        assert secret not in done.stdout + done.stderr
    assert "3 objects differ from the state, nothing was changed" in done.stderr
    assert (machine.state("dev"), objects(api)) == before

    fix = done.stderr.split("put the config back: ")[1].splitlines()[0]
    assert fix == "python -m stackctl up --env dev --refresh"
    machine.succeed(
        "up",
        "--refresh",
        "--set",
        "openWebui.autoscaling.minReplicas=2",
        "--set",
        "openWebui.autoscaling.maxReplicas=4",
    )
    assert core.read_namespaced_service("redis-service", NAMESPACE).spec.ports[0].port == 6379
    assert machine.stackctl("drift").returncode == 0


def test_a_comparison_that_fails_leaves_the_metrics_as_they_are(machine: Machine, tmp_path: Path) -> None:
    """The API server of the kubeconfig does not answer."""
    metrics, events = tmp_path / "drift.prom", tmp_path / "events.json"
    metrics.write_text("earlier\n")
    events.write_text(refreshed_by_pulumi(machine, fails=True, KUBECONFIG=str(machine.kubeconfig)))
    done = machine.stackctl("drift", "--events", str(events), "--metrics", str(metrics))
    assert done.returncode == 1
    assert done.stderr.startswith("comparison failed\n")
    assert metrics.read_text() == "earlier\n"


def refreshed_by_pulumi(machine: Machine, *, fails: bool = False, **variables: str) -> str:
    """The events of a refresh of `dev` by the CLI, which reads the state of `up`."""
    pulumi = pulumi_cli()
    done = subprocess.run(
        [pulumi, "refresh", "--stack", "dev", "--preview-only", "--json", "--non-interactive"],
        cwd=machine.cache / "environments" / "dev" / "project",
        env={
            **machine.environment,
            "PATH": search_path(pulumi),
            "PULUMI_BACKEND_URL": (machine.cache / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(machine.cache / "passphrase"),
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) is fails, done.stdout + done.stderr
    return done.stdout


def without_times(metrics: str) -> list[str]:
    """The lines of the metrics that are the same for every comparison with this result."""
    return [line for line in metrics.splitlines() if not line.startswith(COMPARED)]


def compared(metrics: Path) -> float:
    """The time of the comparison in the metrics."""
    [line] = [line for line in metrics.read_text().splitlines() if line.startswith(COMPARED)]
    return float(line.rpartition(" ")[2])


def test_what_is_not_up_cannot_drift(tmp_path: Path) -> None:
    done = Machine(tmp_path).stackctl("drift")
    assert (done.returncode, done.stdout) == (1, "")
    assert "dev is not up. Deploy it: python -m stackctl up --env dev" in done.stderr
