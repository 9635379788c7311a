"""An update whose engine is killed goes on with the next one, and nothing is left of the interruption."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest
from kubernetes import client, config

from host.processes import is_alive
from stackctl.engine.progress import resource_name
from tests.support.engine.machine import Machine, engine_of

UP_SECONDS = 90


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    yield machine
    machine.stackctl("down")


def under_way(state: dict[str, Any]) -> set[str]:
    """What the engine was at when it wrote its state, as ``creating Deployment redis``."""
    operations = state.get("pending_operations") or []
    return {f"{operation['type']} {resource_name(operation['resource']['urn'])}" for operation in operations}


def pods(machine: Machine) -> list[Any]:
    """The pods that serve; none as long as there is no cluster."""
    kubeconfig = machine.cache / "environments" / "dev" / "kubeconfig"
    core: Any = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    return list(core.list_namespaced_pod("rag-system", field_selector="status.phase!=Succeeded").items)


def is_ready(pod: Any) -> bool:
    return {"Ready": "True"}.items() <= {item.type: item.status for item in pod.status.conditions}.items()


def killed_while(machine: Machine, is_at: Callable[[], bool], *sets: str) -> None:
    """Start an update and end it and its engine, without warning, at some point."""
    with machine.running("up", "--cluster", "kwok", *sets) as command:
        deadline = time.monotonic() + UP_SECONDS
        while not is_at():
            assert command.poll() is None, "the update ended before it could be interrupted"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        engine = engine_of(command)
        # The command first: it would notice the end of the engine and clear up.
        os.kill(command.pid, signal.SIGKILL)
        os.kill(engine, signal.SIGKILL)
        command.wait()
        while is_alive(engine):
            time.sleep(0.05)


@pytest.fixture(scope="module")
def recovered(machine: Machine) -> CompletedProcess[str]:
    """The second `up`, after the engine of the first was killed while it waited for the web pods."""
    awaited = "creating Deployment open-webui"

    def is_awaited() -> bool:
        at_it = awaited in under_way(machine.state("dev"))
        return at_it and any(pod.metadata.labels["app"] == "open-webui" for pod in pods(machine))

    killed_while(machine, is_awaited)
    assert awaited in under_way(machine.state("dev"))
    return machine.stackctl("up")


def test_a_first_update_goes_on_after_its_engine_was_killed(machine: Machine, recovered: CompletedProcess[str]) -> None:
    assert recovered.returncode == 0, recovered.stderr
    assert "Deployment open-webui was created before the last update was interrupted: adopted" in recovered.stderr
    assert "created                Deployment" not in recovered.stdout
    assert under_way(machine.state("dev")) == set()
    assert [is_ready(pod) for pod in pods(machine)] == [True] * 4


@pytest.mark.usefixtures("recovered")
def test_a_change_goes_on_after_its_engine_was_killed(machine: Machine) -> None:
    change = ("--set", "openWebui.logLevel=ERROR")
    killed_while(machine, lambda: "updating Deployment open-webui" in under_way(machine.state("dev")), *change)
    machine.succeed("up", *change)
    assert under_way(machine.state("dev")) == set()
    assert "no changes" in machine.succeed("up", *change)
