"""`python -m stackctl`, which `make up` and the other targets run, from outside: output, exit codes, what is left."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from host.processes import is_alive
from tests.support.engine.machine import USERS_KUBECONFIG, Machine

OUTPUTS = {
    "namespace",
    "webui_url",
    "redis_cache_url",
    "redis_websocket_url",
    "database_url",
    "admin_email",
    "admin_password",
}
SECRET_OUTPUTS = {"redis_cache_url", "redis_websocket_url", "database_url", "admin_password"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    yield machine
    machine.stackctl("down")


@pytest.fixture(scope="module")
def first_up(machine: Machine) -> str:
    """What the first `up` on this machine prints."""
    return machine.succeed("up", "--env", "dev", "--cluster", "kwok")


@pytest.mark.parametrize("command", ["outputs", "kubeconfig"])
def test_before_the_first_up_it_is_said_how_to_deploy(tmp_path: Path, command: str) -> None:
    done = Machine(tmp_path).stackctl(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "dev is not up. Deploy it: python -m stackctl up --env dev"


@pytest.mark.parametrize("command", ["up", "preview", "outputs", "kubeconfig", "down", "manifests"])
def test_an_unknown_environment_is_told_with_those_there_are(machine: Machine, command: str) -> None:
    done = machine.stackctl(command, "--env", "staging", *(["--out", "unused"] if command == "manifests" else []))
    assert done.returncode == 2
    assert "There is no environment 'staging'" in done.stderr
    assert "Environments: dev, prod" in done.stderr
    assert not (machine.cache / "environments" / "staging").exists()


@pytest.mark.parametrize("command", ["up", "preview"])
def test_wrong_config_is_told_before_anything_starts(tmp_path: Path, command: str) -> None:
    machine = Machine(tmp_path)
    done = machine.stackctl(command, "--set", "redis.maxmemry=1gb", "--set", "openWebui.replicas=0")
    assert done.returncode == 1
    assert "2 problems; nothing was changed" in done.stderr
    assert "did you mean redis.maxmemory?" in done.stderr
    assert machine.cluster_processes("dev") == set()
    assert machine.state("dev") == {}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--set", "redis"], "expected KEY=VALUE"),
        (["--secret-file", "openaiApiKey"], "expected KEY=FILE"),
        (["--cluster", "nowhere"], "neither auto, kwok, kind or node nor a context of your kubeconfig"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_a_wrong_command_line_exits_with_2(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    done = Machine(tmp_path).stackctl("up", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_up_prints_the_outputs_without_secrets(machine: Machine, first_up: str) -> None:
    lines = dict(line.split(maxsplit=1) for line in first_up.splitlines() if line.startswith("  ") and "  " in line[3:])
    assert {name for name in OUTPUTS if lines.get(name) == "[secret]"} == SECRET_OUTPUTS
    assert lines["namespace"] == "rag-system"
    assert "dev is deployed to kwok-open-webui-stack-dev" in first_up
    assert "Next:" in first_up
    secrets = json.loads(machine.succeed("outputs", "--secrets"))
    assert not [name for name in SECRET_OUTPUTS if secrets[name] in first_up]


@pytest.mark.usefixtures("first_up")
def test_another_up_changes_nothing(machine: Machine) -> None:
    assert "dev is deployed to kwok-open-webui-stack-dev: no changes" in machine.succeed("up")


@pytest.mark.usefixtures("first_up")
def test_a_preview_tells_what_would_change(machine: Machine) -> None:
    before = machine.state("dev")
    printed = machine.succeed("preview", "--set", "redis.image=registry.example.com/redis:7.4-alpine")
    assert [line.split()[:3] for line in printed.splitlines()[:-1]] == [["update", "Deployment", "redis"]]
    assert printed.splitlines()[-1] == "dev on kwok-open-webui-stack-dev: 1 would change"
    assert machine.state("dev") == before


@pytest.mark.usefixtures("first_up")
def test_outputs_are_json_with_and_without_secrets(machine: Machine) -> None:
    hidden, shown = (json.loads(machine.succeed("outputs", *flags)) for flags in ([], ["--secrets"]))
    assert hidden.keys() == shown.keys() == OUTPUTS
    assert {name for name, value in hidden.items() if value == "[secret]"} == SECRET_OUTPUTS
    assert shown["redis_cache_url"].startswith("redis://openwebui:")
    assert {**hidden, **{name: shown[name] for name in SECRET_OUTPUTS}} == shown


@pytest.mark.usefixtures("first_up")
def test_the_kubeconfig_leads_to_the_pods(machine: Machine) -> None:
    path = machine.succeed("kubeconfig").strip()
    core: Any = client.CoreV1Api(config.new_client_from_config(path))
    pods = core.list_namespaced_pod("rag-system", field_selector="status.phase=Running").items
    assert sorted(pod.metadata.labels["app"] for pod in pods) == [
        "open-webui",
        "open-webui",
        "postgres",
        "redis",
        "tika",
    ]


@pytest.mark.usefixtures("first_up")
def test_status_shows_the_applications_and_no_alert(machine: Machine) -> None:
    printed = machine.succeed("status")
    assert "Pods are simulated here: no container runs." in printed
    assert re.search(r"^open-webui +2/2 +0 ", printed, re.MULTILINE)
    assert printed.splitlines()[-1] == "No alert would fire."
    document = json.loads(machine.succeed("status", "--json"))
    assert document["healthy"]
    assert document["servers"] == {
        "redis": "standalone",
        "postgresql": "standalone",
        "pooler": False,
        "archive": False,
    }
    assert {each["kind"] for each in document["applications"]} == {"Deployment", "StatefulSet"}


@pytest.mark.usefixtures("first_up")
def test_doctor_recognizes_an_event_of_the_cluster(machine: Machine) -> None:
    assert "No known symptom shows." in machine.succeed("doctor")
    batch: Any = client.BatchV1Api(config.new_client_from_config(machine.succeed("kubeconfig").strip()))
    batch.create_namespaced_job("rag-system", too_large())
    try:
        deadline = time.monotonic() + 60
        while (done := machine.stackctl("doctor")).returncode == 0 and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        batch.delete_namespaced_job("too-large", "rag-system", propagation_policy="Background")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "`exceeded quota: quota` for a pod of your own" in done.stdout
    assert "observed  Job too-large: Error creating: pods" in done.stdout
    assert done.stderr.splitlines()[-1] == "1 known symptom shows"


def too_large() -> dict[str, Any]:
    """A Job that the namespace admits, with a pod that its quota does not."""
    resources = {name: {"cpu": "900", "memory": "1Gi", "ephemeral-storage": "1Gi"} for name in ("requests", "limits")}
    container = {
        "name": "one",
        "image": "registry.example.com/one:1",
        "resources": resources,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"metadata": {"name": "too-large"}, "spec": {"template": {"spec": pod}}}


@pytest.mark.usefixtures("first_up")
def test_a_secret_comes_from_a_file(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-a-file\n")
    setting = ("--set", "openWebui.openaiApiBaseUrl=https://models.example.com/v1")
    done = machine.stackctl("preview", *setting, "--secret-file", f"openaiApiKey={tmp_path / 'key'}")
    assert done.returncode == 0, done.stderr
    assert "update" in done.stdout
    copies = [file for file in (machine.cache / "environments").rglob("*") if file.is_file()]
    assert copies
    assert not [file for file in copies if b"sk-from-a-file" in file.read_bytes()]


@pytest.mark.usefixtures("first_up")
def test_a_stack_stays_on_its_cluster(machine: Machine) -> None:
    done = machine.stackctl("up", "--cluster", "mine")
    assert done.returncode == 1
    assert "take it down first" in done.stderr


@pytest.mark.usefixtures("first_up")
def test_down_leaves_nothing(machine: Machine) -> None:
    """The last test that needs the stack."""
    processes = machine.cluster_processes("dev")
    assert len(processes) >= 5
    assert "dev is down" in machine.succeed("down")
    assert [process for process in processes if is_alive(process)] == []
    assert not (machine.cache / "kwok" / "clusters" / "open-webui-stack-dev").exists()
    assert list((machine.cache / "environments").iterdir()) == []
    assert machine.state("dev") == {}
    assert machine.succeed("down").strip() == "nothing is up"


@pytest.mark.usefixtures("first_up")
def test_the_users_own_kubeconfig_is_untouched(machine: Machine) -> None:
    for file in (machine.home_kubeconfig, machine.kubeconfig):
        assert file.read_text() == USERS_KUBECONFIG
