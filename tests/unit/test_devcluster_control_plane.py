"""A control plane that does not come up as it should, and one of which nothing is noted any more."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devcluster import clusters_in_use
from devcluster.clusters import control_plane, kwok, node
from devcluster.clusters.choice import Cluster
from host.directories import CACHE_VARIABLE, environment_directory
from stackctl.deploy.removal import down
from terminal.errors import LocalError

NAME = "open-webui-stack-dev"
TAKEN = "failed to create listener: listen tcp 127.0.0.1:32766: bind: address already in use"


@pytest.fixture(autouse=True)
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """One that is not there, on a machine where all programs are built."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(control_plane, "build_programs", lambda _: None)
    return kwok.named(NAME, environment_directory("dev") / "kubeconfig")


class Kwokctl:
    """Makes a cluster as kwokctl does: it says that all is well whatever became of the components."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.logs: list[str] = []
        """What a component logs when it ends, for each attempt; empty where all of them run."""

        self.attempts = 0
        monkeypatch.setattr(control_plane, "_create", self._create)
        monkeypatch.setattr(control_plane, "is_running", self._is_running)

    def _create(self, cluster: Cluster, _: control_plane.ControlPlane) -> None:
        self.attempts += 1
        logs = control_plane.directory_of(cluster.name) / "logs"
        # Nothing of the attempt before is there any more.
        logs.mkdir(parents=True)
        (logs / "kube-scheduler.log").write_text(self.logs[self.attempts - 1])

    def _is_running(self, *_: object) -> bool:
        return self.attempts > 0 and not self.logs[self.attempts - 1]


@pytest.fixture
def kwokctl(monkeypatch: pytest.MonkeyPatch) -> Kwokctl:
    return Kwokctl(monkeypatch)


def test_a_port_that_somebody_else_took_is_another_attempt(cluster: Cluster, kwokctl: Kwokctl) -> None:
    kwokctl.logs = [TAKEN, TAKEN, ""]
    assert control_plane.start(cluster, kwok.PLANE)
    assert kwokctl.attempts == 3


@pytest.mark.parametrize(("logs", "attempts"), [(["panic: no"], 1), ([TAKEN, "panic: no"], 2), ([TAKEN] * 3, 3)])
def test_a_control_plane_that_is_not_whole_is_told_with_its_logs(
    cluster: Cluster, kwokctl: Kwokctl, logs: list[str], attempts: int
) -> None:
    kwokctl.logs = logs
    with pytest.raises(LocalError, match="is incomplete: etcd, kube-apiserver, kube-controller-manager") as failed:
        control_plane.start(cluster, kwok.PLANE)
    assert kwokctl.attempts == attempts
    where = control_plane.directory_of(NAME) / "logs"
    assert f"Its logs: {where}. Start over with: python -m stackctl down" in str(failed.value)
    assert where.is_dir()


def test_a_kubeconfig_that_was_removed_is_put_back(cluster: Cluster, kwokctl: Kwokctl) -> None:
    kwokctl.logs, kwokctl.attempts = [""], 1
    directory = control_plane.directory_of(NAME)
    directory.mkdir(parents=True)
    (directory / "kubeconfig.yaml").write_text("kwokctl's own")
    assert not control_plane.start(cluster, kwok.PLANE)
    assert kwokctl.attempts == 1
    assert cluster.kubeconfig
    assert cluster.kubeconfig.read_text() == "kwokctl's own"
    cluster.kubeconfig.write_text("the user's")
    assert not control_plane.start(cluster, kwok.PLANE)
    assert cluster.kubeconfig.read_text() == "the user's"


@pytest.mark.parametrize("missing", ["bin/kube-scheduler", "kubeconfig.yaml"])
def test_a_cluster_whose_creation_was_interrupted_is_created_again(
    cluster: Cluster, kwokctl: Kwokctl, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """kwokctl would wait for ever to start it."""
    started: list[str] = []
    monkeypatch.setattr(control_plane, "_kwokctl", lambda *arguments: started.append(arguments[0]))
    monkeypatch.setattr(kwokctl, "_is_running", lambda *_: bool(started or kwokctl.attempts))
    monkeypatch.setattr(control_plane, "is_running", kwokctl._is_running)
    kwokctl.logs = [""]
    directory = control_plane.directory_of(NAME)
    (directory / "bin").mkdir(parents=True)
    for name in (*(f"bin/{component}" for component in kwok.PLANE.components), "kubeconfig.yaml"):
        (directory / name).touch()
    assert not control_plane.start(cluster, kwok.PLANE)
    assert (started, kwokctl.attempts) == (["start"], 0)

    started.clear()
    (directory / missing).unlink()
    assert control_plane.start(cluster, kwok.PLANE)
    assert (started, kwokctl.attempts) == ([], 1)


def test_kwokctl_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "kwokctl"
    program.write_text("#!/bin/sh\necho what it says; [ $1 = delete ] && exit 1; exec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(control_plane, "build", lambda _: program)
    monkeypatch.setattr(control_plane, "kubectl", lambda: program)
    with pytest.raises(LocalError, match=r"kwokctl failed: delete\nwhat it says\nLogs of the control plane: "):
        control_plane._kwokctl("delete")
    monkeypatch.setattr(control_plane, "START_SECONDS", 0.1)
    monkeypatch.setattr(control_plane, "_INSTALL_SECONDS", 0.1)
    with pytest.raises(LocalError, match=r"kwokctl failed: start cluster\n.* timed out after 0\.2 seconds"):
        control_plane._kwokctl("start", "cluster")


Run = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Function that runs a component of a cluster whose directory is removed then."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> "subprocess.Popen[bytes]":
        program = control_plane.directory_of(name) / "bin" / "etcd"
        program.parent.mkdir(parents=True)
        shutil.copy("/bin/sleep", program)
        started.append(subprocess.Popen([program, "60"]))
        shutil.rmtree(control_plane.directory_of(name))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_runs_on_when_the_cache_is_removed_and_down_ends_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    component, of_a_test = run(NAME), run("open-webui-stack-test-1")
    shutil.rmtree(tmp_path / "cache")
    assert control_plane.names() == [NAME, "open-webui-stack-test-1"]
    assert clusters_in_use.cluster_of("dev") is None

    down(None)

    assert capsys.readouterr().out == "dev is down\n"
    assert component.wait(timeout=10) < 0
    assert of_a_test.poll() is None, "the process is of another environment"
    down(None)
    assert capsys.readouterr().out == "nothing is up\n"


def test_a_new_cluster_ends_what_runs_of_one_whose_directory_was_removed(
    cluster: Cluster, kwokctl: Kwokctl, run: Run
) -> None:
    component = run(NAME)
    kwokctl.logs = [""]
    assert control_plane.start(cluster, kwok.PLANE)
    assert component.wait(timeout=10) < 0


def test_an_environment_stays_on_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters_in_use, "choose", lambda asked: ("kwok" if asked == "auto" else asked, None))
    brought: list[str] = []

    def up(_name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
        # Noted before the start: what one that is cut short leaves behind is found by `down`.
        noted = clusters_in_use.cluster_of("dev")
        assert noted
        assert noted.kubeconfig == kubeconfig
        brought.append(noted.kind)
        return noted, True

    for module in (kwok, node):
        monkeypatch.setattr(module, "up", up)
    clusters_in_use.bring_up("dev", "node")
    clusters_in_use.bring_up("dev", "auto")
    with pytest.raises(
        LocalError,
        match=r"dev is on node .*To move it to kwok, take it down first:\n  python -m stackctl down --env dev",
    ):
        clusters_in_use.bring_up("dev", "kwok")
    assert brought == ["node", "node"]
