"""`python -m stackctl` on a cluster of the user's: the context that was named, and what is protected stays."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from devcluster.clusters.choice import Cluster
from tests.support.engine.machine import Machine
from tests.support.engine.toolchain import Toolchain

NAMESPACE = "local-users-cluster"
SECRET = "sk-never-on-a-command-line"
CONFIG = ("--set", f"namespace={NAMESPACE}", "--set", "openWebui.openaiApiBaseUrl=https://models.example.com/v1")


@pytest.fixture(scope="module")
def command_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File with every command line that the CLI was started with."""
    return tmp_path_factory.mktemp("command-lines") / "log"


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, toolchain: Toolchain, command_lines: Path
) -> Iterator[Machine]:
    """A machine whose kubeconfig is that of the test run's cluster, with a CLI on PATH that notes how it is called."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    programs = tmp_path_factory.mktemp("bin")
    pulumi = programs / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$@" >>"{command_lines}"\nexec "{toolchain.pulumi}" "$@"\n')
    pulumi.chmod(0o755)
    machine.environment |= {
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": os.pathsep.join([str(programs), machine.environment["PATH"]]),
        # A user may have the passphrase of another backend set: these commands must not depend on it.
        "PULUMI_CONFIG_PASSPHRASE": "of the user's own stacks",
    }
    yield machine
    if machine.state("dev"):
        machine.stackctl("up", "--cluster", cluster.context, *CONFIG[:2], "--set", "protect=false")
        machine.stackctl("down")


@pytest.fixture(scope="module")
def core(cluster: Cluster) -> Any:
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context))


def exists(core: Any) -> bool:
    return NAMESPACE in [item.metadata.name for item in core.list_namespace().items if item.status.phase == "Active"]


def test_up_and_down_on_a_context(
    machine: Machine, cluster: Cluster, core: Any, command_lines: Path, tmp_path: Path
) -> None:
    assert cluster.kubeconfig
    kubeconfig = cluster.kubeconfig.read_text()
    (tmp_path / "key").write_text(f"{SECRET}\n")
    secret_file = ("--secret-file", f"openaiApiKey={tmp_path / 'key'}")

    up = machine.stackctl("up", "--cluster", cluster.context, *CONFIG, *secret_file, "--set", "protect=true")
    assert up.returncode == 0, up.stderr
    assert f"kubectl --context {cluster.context} get pods -n {NAMESPACE}" in up.stdout
    assert exists(core)
    secrets = core.list_namespaced_secret(NAMESPACE).items
    values = [value for secret in secrets for value in (secret.data or {}).values()]
    assert base64.b64encode(SECRET.encode()).decode() in values

    assert "config set --secret openaiApiKey" in command_lines.read_text()
    written = [file for file in machine.cache.rglob("*") if file.is_file() and "programs" not in file.parts]
    assert [file for file in (*written, command_lines) if SECRET.encode() in file.read_bytes()] == []
    assert SECRET not in up.stdout + up.stderr

    own = machine.stackctl("kubeconfig")
    assert own.returncode == 1
    assert f"on the context {cluster.context} of your own kubeconfig" in own.stderr

    refused = machine.stackctl("down")
    assert refused.returncode == 1
    assert "python -m stackctl up --set protect=false" in refused.stderr
    assert exists(core)
    kept = machine.stackctl("clean")
    assert kept.returncode == 0
    assert "kept, because it is on a cluster of yours: dev" in kept.stdout
    assert exists(core)

    machine.succeed("up", "--cluster", cluster.context, *CONFIG, *secret_file, "--set", "protect=false")
    assert "dev is destroyed" in machine.succeed("down")
    assert not exists(core)
    assert cluster.kubeconfig.read_text() == kubeconfig
