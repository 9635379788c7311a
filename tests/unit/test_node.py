"""What a node on this machine is derived from, and who can have one. That it runs is a test on a real node."""

import ipaddress
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from devcluster.node import cgroups, configuration, layout, network, requirements, volumes
from devcluster.node.images import store
from devcluster.node.layout import Layout
from terminal.errors import LocalError, UsageError


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPEN_WEBUI_STACK_CACHE", str(tmp_path))


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Destinations that the machine has routes to."""
    actual = ["default", "10.0.0.0/8"]

    def run(command: list[str], **_: Any) -> Any:
        assert command[:2] == ["ip", "-4"]
        return SimpleNamespace(stdout=json.dumps([{"dst": destination} for destination in actual]))

    monkeypatch.setattr(subprocess, "run", run)
    return actual


@pytest.mark.usefixtures("routes")
def test_every_node_has_a_network_and_an_identifier_of_its_own() -> None:
    made = [layout.new_layout(name) for name in ("one", "two", "three")]
    assert len({node.network for node in made}) == len({node.identifier for node in made}) == 3
    assert not any(a.network.overlaps(b.network) for a in made for b in made if a is not b)
    # The longest name of a network interface.
    assert all(len(node.identifier) <= 15 for node in made)
    assert [layout.layout_of(node.name) for node in made] == made


@pytest.mark.usefixtures("routes")
def test_its_parts_do_not_overlap() -> None:
    node = layout.new_layout("one")
    assert not node.pods.overlaps(node.services)
    addresses = [ipaddress.IPv4Address(a) for a in (node.machine_address, node.node_address)]
    assert all(address in node.network for address in addresses)
    assert not any(address in part for address in addresses for part in (node.pods, node.services))
    assert ipaddress.IPv4Address(node.dns_address) in node.services


def test_a_network_that_is_routed_elsewhere_is_left_alone(routes: list[str]) -> None:
    routes.append("198.18.0.0/18")
    assert layout.new_layout("one").network == ipaddress.IPv4Network("198.18.64.0/18")


def test_no_free_network_is_told(routes: list[str]) -> None:
    routes.append("198.18.0.0/15")
    with pytest.raises(LocalError, match=r"no network is free for the node one: .*198\.18\.0\.0/15"):
        layout.new_layout("one")
    assert layout.layout_of("one") is None


def node_in(directory: Path) -> Layout:
    node = Layout(name="one", directory=directory, network=ipaddress.IPv4Network("198.18.0.0/18"))
    node.volumes.mkdir(parents=True)
    return node


def test_the_api_server_is_reached_over_the_link_with_the_name_in_its_certificate(tmp_path: Path) -> None:
    admin = {
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:4321", "certificate-authority": "ca"}}]
    }
    [cluster] = yaml.safe_load(configuration.kubeconfig(admin, node_in(tmp_path)))["clusters"]
    assert cluster["cluster"] == {
        "server": "https://198.18.32.1:4321",
        "tls-server-name": "localhost",
        "certificate-authority": "ca",
    }


def test_pods_reach_the_api_server_by_the_address_of_its_service(tmp_path: Path) -> None:
    node = node_in(tmp_path)
    options = yaml.safe_load(configuration.kwokctl(node))["options"]
    # The API server gives the first address of the range to the Service `kubernetes`.
    assert options["kubeApiserverCertSANs"] == [str(node.services[1])] == [node.api_server_address]


def test_the_configuration_files_are_about_the_same_node(tmp_path: Path) -> None:
    node = node_in(tmp_path)
    kubelet = yaml.safe_load(configuration.kubelet(node, "ca.pem"))
    [ptp, _] = json.loads(configuration.cni(node))["plugins"]
    assert ptp["ipam"]["ranges"] == [[{"subnet": str(node.pods)}]]
    assert yaml.safe_load(configuration.kube_proxy(node))["clusterCIDR"] == str(node.pods)
    assert kubelet["clusterDNS"] == [node.dns_address]
    assert kubelet["cgroupRoot"] == f"/{node.identifier}"
    assert f'root = "{node.containerd_root}"' in configuration.containerd(node)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lets a node be."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(os.path, "exists", lambda _: True)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))


@pytest.mark.usefixtures("able")
def test_what_the_kernel_does_not_allow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requirements.obstacle() is None
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1))
    assert "namespaces" in (requirements.obstacle() or "")
    monkeypatch.setattr(os.path, "exists", lambda _: False)
    assert "/dev/loop-control" in (requirements.obstacle() or "")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "/sys/fs/cgroup is read-only" in (requirements.obstacle() or "")


@pytest.mark.parametrize(
    ("platform", "user", "message"),
    [("darwin", 0, "needs Linux"), ("linux", 1000, "which needs root")],
)
def test_a_machine_that_cannot_is_refused_with_the_other_ways(
    monkeypatch: pytest.MonkeyPatch, platform: str, user: int, message: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(UsageError, match=message) as refused:
        requirements.check()
    assert "--cluster kwok" in str(refused.value)


def test_what_cannot_be_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(requirements, "obstacle", lambda: None)
    monkeypatch.setattr(requirements, "missing", lambda: ["runc"])
    monkeypatch.setattr(subprocess, "run", lambda command, **_: asked.append(command))
    with pytest.raises(UsageError, match=r"needs runc, which this machine lacks\.\nOn Debian: apt-get install"):
        requirements.check()
    assert [command[0].name for command in asked] == ["install-node"]


class FakeCore:
    """PersistentVolumeClaims and volumes as the API serves them."""

    def __init__(self) -> None:
        self.claims: list[Any] = []
        self.volumes: list[Any] = []

    def list_persistent_volume(self) -> Any:
        return SimpleNamespace(items=list(self.volumes))

    def list_persistent_volume_claim_for_all_namespaces(self) -> Any:
        return SimpleNamespace(items=self.claims)

    def create_persistent_volume(self, body: dict[str, Any]) -> None:
        spec = SimpleNamespace(storage_class_name=body["spec"]["storageClassName"])
        metadata = SimpleNamespace(name=body["metadata"]["name"])
        self.volumes.append(
            SimpleNamespace(metadata=metadata, spec=spec, status=SimpleNamespace(phase="Bound"), body=body)
        )

    def delete_persistent_volume(self, name: str) -> None:
        self.volumes = [volume for volume in self.volumes if volume.metadata.name != name]


def claim(storage_class: str, uid: str) -> Any:
    spec = SimpleNamespace(
        storage_class_name=storage_class,
        volume_name=None,
        access_modes=["ReadWriteOnce"],
        resources=SimpleNamespace(requests={"storage": "8Mi"}),
    )
    return SimpleNamespace(metadata=SimpleNamespace(namespace="app", name="data", uid=uid), spec=spec)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the programs that were called; mkfs.ext4 and mount have their effect on a directory alone."""
    called: list[str] = []

    def run(command: list[str], **_: Any) -> None:
        called.append(command[0])
        if command[0] == "mount":
            (Path(command[-1]) / "lost+found").mkdir(exist_ok=True)

    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_each_claim_gets_a_volume_of_its_size_once(tmp_path: Path, commands: list[str]) -> None:
    node, core = node_in(tmp_path), FakeCore()
    core.claims = [claim(volumes.STORAGE_CLASS, "a"), claim("other", "b")]
    volumes.reconcile(core, node)
    [volume] = core.volumes
    assert volume.body["spec"]["claimRef"]["uid"] == "a"
    assert volume.body["spec"]["capacity"] == {"storage": "8Mi"}
    assert (node.volumes / "pvc-a.ext4").stat().st_size == 8 * 1024**2
    assert commands == ["mkfs.ext4", "mount"]
    core.claims = core.claims[:1]
    volumes.reconcile(core, node)
    assert len(core.volumes) == 1
    assert commands.count("mkfs.ext4") == 1


@pytest.mark.usefixtures("commands")
def test_a_released_volume_goes_with_its_file(tmp_path: Path) -> None:
    node, core = node_in(tmp_path), FakeCore()
    core.claims = [claim(volumes.STORAGE_CLASS, "a")]
    volumes.reconcile(core, node)
    core.claims = []
    core.volumes[0].status.phase = "Released"
    volumes.reconcile(core, node)
    assert core.volumes == []
    assert list(node.volumes.iterdir()) == []


def test_a_disk_that_is_full_and_an_api_server_that_is_away_do_not_end_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class EndedError(Exception):
        pass

    answers = [OSError(28, "No space left on device"), client.ApiException(reason="Unavailable"), EndedError()]

    def reconcile(*_: Any) -> None:
        raise answers.pop(0)

    monkeypatch.setattr(volumes, "reconcile", reconcile)
    monkeypatch.setattr(volumes, "Watcher", lambda *_: SimpleNamespace(start=lambda: None))
    monkeypatch.setattr(volumes, "_WATCHED_SECONDS", 0)
    core = SimpleNamespace(list_persistent_volume=None, list_persistent_volume_claim_for_all_namespaces=None)
    with pytest.raises(EndedError):
        volumes.run(core, node_in(tmp_path))
    output = capsys.readouterr().out
    assert "could not be created or deleted: [Errno 28] No space left" in output
    assert "the API server did not answer: (None)\nReason: Unavailable" in output


def test_a_volume_that_is_incomplete_is_created_again(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, core = node_in(tmp_path), FakeCore()
    core.claims = [claim(volumes.STORAGE_CLASS, "a")]
    # Mounted, and then the API server was away.
    (node.volumes / "pvc-a").mkdir()
    (node.volumes / "pvc-a.ext4").write_text("half")
    mounted = [True, False]
    monkeypatch.setattr(os.path, "ismount", lambda _: mounted.pop(0) if mounted else False)
    volumes.reconcile(core, node)
    assert commands == ["umount", "mkfs.ext4", "mount"]
    assert len(core.volumes) == 1


def test_a_node_has_all_images_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, directory = tmp_path / "store", tmp_path / "node" / "containerd"
    (root / "snapshots").mkdir(parents=True)
    (root / "snapshots" / "file").write_text("shared")
    (root / "meta.db").write_text("of the store")
    (directory.parent / "containerd.partial" / "left-over").mkdir(parents=True)
    monkeypatch.setattr(store, "_root", lambda: root)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.copy_to(directory)
    assert not directory.exists()

    store.copy_to(directory)
    assert sorted(path.name for path in directory.iterdir()) == ["meta.db", "snapshots"]
    assert (directory / "snapshots" / "file").samefile(root / "snapshots" / "file")
    assert not (directory / "meta.db").samefile(root / "meta.db")
    with pytest.raises(LocalError, match=r"cannot be copied to .*\n.*No such file"):
        store.copy_to(tmp_path / "none" / "containerd")


@pytest.fixture
def ip(monkeypatch: pytest.MonkeyPatch) -> "FakeIp":
    made = FakeIp()
    monkeypatch.setattr(subprocess, "run", made.run)
    return made


class FakeIp:
    """`ip`, as far as what it has made is there afterwards."""

    def __init__(self) -> None:
        self.namespaces: list[str] = []
        self.routes: list[str] = []
        self.fails_at = ""

    def run(self, command: list[str], **_: Any) -> Any:
        words = " ".join(command[1:])
        if self.fails_at and words.startswith(self.fails_at):
            return SimpleNamespace(returncode=2, stdout="", stderr="RTNETLINK answers: Operation not permitted\n")
        if words.startswith("netns add"):
            assert command[-1] not in self.namespaces, "File exists"
            self.namespaces.append(command[-1])
        elif words.startswith("netns delete"):
            self.namespaces.remove(command[-1])
        elif words.startswith("route add"):
            self.routes.append(command[3])
        elif words.startswith("link delete"):
            self.routes.clear()
        actual = [{"name": name} for name in self.namespaces] if "netns list" in words else self.routes
        return SimpleNamespace(returncode=0, stdout=json.dumps(actual), stderr="")


def test_a_network_that_is_incomplete_is_created_again_and_a_complete_one_stays(tmp_path: Path, ip: FakeIp) -> None:
    node = node_in(tmp_path)
    ip.fails_at = "route add"
    with pytest.raises(LocalError, match=r"ip route add .* failed: RTNETLINK answers: Operation not permitted"):
        network.create(node)
    assert ip.namespaces == [node.identifier]
    ip.fails_at = ""
    network.create(node)
    assert (ip.namespaces, ip.routes) == ([node.identifier], [str(node.network)])
    ip.fails_at = "netns add"
    network.create(node)


@pytest.mark.parametrize("version", [1, 2])
def test_the_processes_of_the_pods_are_found_in_every_version_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    node, root = node_in(tmp_path / "node"), tmp_path / "cgroup"
    hierarchies = [root] if version == 2 else [root / "cpu", root / "memory"]
    for number, hierarchy in enumerate(hierarchies):
        pod = hierarchy / node.identifier / "kubepods" / "pod"
        pod.mkdir(parents=True)
        (hierarchy / "cgroup.procs").write_text("1\n")
        (hierarchy / node.identifier / "cgroup.procs").write_text("")
        (pod / "cgroup.procs").write_text(f"4711\n{4712 + number}\n")
    if version == 2:
        (root / "cgroup.controllers").touch()
    monkeypatch.setattr(cgroups, "_ROOT", root)
    assert cgroups.processes(node) == {4711, 4712} | ({4713} if version == 1 else set())


def test_a_volume_of_another_class_is_not_touched(tmp_path: Path, commands: list[str]) -> None:
    node, core = node_in(tmp_path), FakeCore()
    core.create_persistent_volume({"metadata": {"name": "theirs"}, "spec": {"storageClassName": "other"}})
    core.volumes[0].status.phase = "Released"
    volumes.reconcile(core, node)
    assert [volume.metadata.name for volume in core.volumes] == ["theirs"]
    assert commands == []
