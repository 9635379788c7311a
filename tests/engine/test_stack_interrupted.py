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
from host.waiting import attempts
from pulumi_values.urns import resource_name
from tests.support.engine.machine import Machine, engine_of

UP_SECONDS = 90
TOO_LARGE = ("--set", "openWebui.resources.limits.cpu=64", "--set", "openWebui.resources.requests.cpu=64")
"""Web pods that no simulated node has room for, until `set_cpu_of_nodes` gives it."""


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
    return list(core_api(machine).list_namespaced_pod("rag-system", field_selector="status.phase!=Succeeded").items)


def core_api(machine: Machine) -> Any:
    """The API of the machine's cluster."""
    kubeconfig = machine.cache / "environments" / "dev" / "kubeconfig"
    return client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))


def set_cpu_of_nodes(machine: Machine, amount: int) -> None:
    """Change what the scheduler may place on each node. Pods that run there stay."""
    core = core_api(machine)
    for node in core.list_node().items:
        core.patch_node_status(node.metadata.name, {"status": {"allocatable": {"cpu": str(amount)}}})


def is_ready(pod: Any) -> bool:
    return {"Ready": "True"}.items() <= {item.type: item.status for item in pod.status.conditions}.items()


def killed_while(machine: Machine, is_at: Callable[[], bool], *sets: str) -> None:
    """Start an update and end it and its engine, without warning, at some point."""
    with machine.running("up", "--cluster", "kwok", *sets) as command:
        for _ in attempts(seconds=UP_SECONDS, every=0.05):
            if is_at():
                break
            assert command.poll() is None, "the update ended before it could be interrupted"
        else:
            raise AssertionError(f"the update did not come to the point within {UP_SECONDS} s")
        engine = engine_of(command)
        # The command first: it would notice the end of the engine and clear up.
        os.kill(command.pid, signal.SIGKILL)
        os.kill(engine, signal.SIGKILL)
        command.wait()
        while is_alive(engine):
            time.sleep(0.05)


@pytest.fixture(scope="module")
def recovered(machine: Machine) -> CompletedProcess[str]:
    """The second `up`, after the engine of the first was killed while it waited for the web pods.

    It waits as long as the test needs: the pods find no room until the engine is gone.
    """
    awaited = "creating Deployment open-webui"

    def is_awaited() -> bool:
        at_it = awaited in under_way(machine.state("dev"))
        return at_it and any(pod.metadata.labels["app"] == "open-webui" for pod in pods(machine))

    killed_while(machine, is_awaited, *TOO_LARGE)
    assert awaited in under_way(machine.state("dev"))
    set_cpu_of_nodes(machine, 256)
    return machine.stackctl("up", *TOO_LARGE)


def test_a_first_update_goes_on_after_its_engine_was_killed(machine: Machine, recovered: CompletedProcess[str]) -> None:
    assert recovered.returncode == 0, recovered.stderr
    assert "Deployment open-webui was created before the last update was interrupted: adopted" in recovered.stderr
    assert "created                Deployment" not in recovered.stdout
    assert under_way(machine.state("dev")) == set()
    assert [is_ready(pod) for pod in pods(machine)] == [True] * 5, "Redis, PostgreSQL, Tika and two web pods"


@pytest.mark.usefixtures("recovered")
def test_a_change_goes_on_after_its_engine_was_killed(machine: Machine) -> None:
    change = (*TOO_LARGE, "--set", "openWebui.logLevel=ERROR")
    set_cpu_of_nodes(machine, 32)
    killed_while(machine, lambda: "updating Deployment open-webui" in under_way(machine.state("dev")), *change)
    set_cpu_of_nodes(machine, 256)
    machine.succeed("up", *change)
    assert under_way(machine.state("dev")) == set()
    assert "no changes" in machine.succeed("up", *change)
