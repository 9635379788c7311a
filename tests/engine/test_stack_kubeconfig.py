"""The kubeconfig belongs to the machine. It moves between commands, and the stack stays the same."""

import shutil
from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
import pytest

from devcluster.clusters.choice import Cluster
from tests.support.engine.stack import Stack, StackFactory

PROVIDER = "kubernetes cluster"
pytest_plugins = ("tests.support.engine.stack_fixtures",)


@pytest.fixture(scope="module")
def deployed_from(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of the machine that deployed the stack."""
    assert cluster.kubeconfig
    return Path(shutil.copy(cluster.kubeconfig, tmp_path_factory.mktemp("first") / "kubeconfig"))


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory, deployed_from: Path) -> Stack:
    """A stack as an earlier revision deployed it: without `kubeconfig`, for which the SDK takes `KUBECONFIG`."""
    made = new_stack("dev", "namespace=moved")
    made.use_kubeconfig(str(deployed_from))
    provider: Any = k8s.Provider

    def without_kubeconfig(*positional: Any, **named: Any) -> Any:
        named.pop("kubeconfig", None)
        return provider(*positional, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(k8s, "Provider", without_kubeconfig)
        made.up()
    return made


def kubeconfig_in_state(stack: Stack) -> str:
    return str(stack.resources()[PROVIDER]["inputs"]["kubeconfig"])


def test_the_stack_of_an_earlier_revision_gets_one_update(
    stack: Stack, deployed_from: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """On whichever machine; what uses the state alone fails before it."""
    assert kubeconfig_in_state(stack) == str(deployed_from)
    move(stack, cluster, tmp_path, "another path")
    deployed_from.unlink()
    refused = stack.refresh(fails=True)
    assert "failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- couldn't" in " ".join(refused.text)
    assert stack.preview().changes == {f"update {PROVIDER}"}
    assert stack.up().changes == {f"update {PROVIDER}"}
    assert kubeconfig_in_state(stack) == ""
    assert str(deployed_from) not in str(stack.state())


@pytest.mark.parametrize("kubeconfig", ["another path", "a list", "the default file"])
def test_another_shell_sees_no_change_and_no_drift(
    stack: Stack, cluster: Cluster, tmp_path: Path, kubeconfig: str
) -> None:
    """There is no file at the path of the first one."""
    move(stack, cluster, tmp_path, kubeconfig)
    for run in (stack.preview(), stack.up(), stack.refresh()):
        assert run.changes == set()


def test_another_shell_destroys_it(stack: Stack, cluster: Cluster, tmp_path: Path) -> None:
    move(stack, cluster, tmp_path, "a list")
    stack.destroy()
    assert stack.state().get("resources", []) == []


def move(stack: Stack, cluster: Cluster, home: Path, kubeconfig: str) -> None:
    """Give the engine the environment of another machine, with the same cluster in its kubeconfig."""
    assert cluster.kubeconfig
    file = home / ".kube" / "config"
    file.parent.mkdir()
    shutil.copy(cluster.kubeconfig, file)
    values = {"another path": str(file), "a list": f"{home / 'missing'}:{file}", "the default file": None}
    stack.use_kubeconfig(values[kubeconfig], HOME=str(home))
