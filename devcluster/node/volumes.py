"""Volumes of the size that was claimed: each is a file with a file system in it, which is full when it is full."""

import os
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, utils

from .layout import Layout
from .watching import Watcher

STORAGE_CLASS = "standard"
PROVISIONER = "open-webui-stack.local/file-system"
_WATCHED_SECONDS = 30


def storage_class() -> dict[str, Any]:
    """The default StorageClass of a node's cluster."""
    return {
        "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": False,
    }


def run(core: Any, layout: Layout) -> None:
    """Make a volume for each claim that has none, and remove those that are released, until the process ends."""
    changed = threading.Event()
    watchers = [
        Watcher(core.list_persistent_volume_claim_for_all_namespaces, changed),
        Watcher(core.list_persistent_volume, changed),
    ]
    for watcher in watchers:
        watcher.start()
    while True:
        try:
            reconcile(core, layout)
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            print(f"the API server did not answer: {error}", flush=True)
        except (OSError, subprocess.SubprocessError) as error:
            # A disk that is full: the claim waits, and the node goes on.
            print(f"a volume could not be made or removed: {error}", flush=True)
        changed.wait(_WATCHED_SECONDS)
        changed.clear()


def reconcile(core: Any, layout: Layout) -> None:
    """One round."""
    existing = core.list_persistent_volume().items
    for volume in existing:
        if volume.spec.storage_class_name == STORAGE_CLASS and volume.status.phase == "Released":
            _remove(core, layout, volume.metadata.name)
    _mount_again(layout, [volume.metadata.name for volume in existing if volume.status.phase != "Released"])
    known = {volume.metadata.name for volume in existing}
    for claim in core.list_persistent_volume_claim_for_all_namespaces().items:
        name = f"pvc-{claim.metadata.uid}"
        if claim.spec.storage_class_name == STORAGE_CLASS and not claim.spec.volume_name and name not in known:
            _provide(core, layout, name, claim)


def _provide(core: Any, layout: Layout, name: str, claim: Any) -> None:
    size = claim.spec.resources.requests["storage"]
    # Of an attempt that failed half-way.
    _discard(layout, name)
    file = layout.volumes / f"{name}.ext4"
    # Without blocks: it takes what is written to it.
    with file.open("wb") as image:
        image.truncate(int(utils.parse_quantity(size)))
    # lost+found is in the way of initdb, and space that only root may fill is of no use to a pod.
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(file)], check=True, timeout=120)
    directory = _mount(layout, name)
    (directory / "lost+found").rmdir()
    core.create_persistent_volume(_volume(layout, name, claim, size, directory))


def _mount_again(layout: Layout, names: Iterable[str]) -> None:
    """After a restart of the node, whose mounts ended with it."""
    for name in names:
        if (layout.volumes / f"{name}.ext4").exists() and not os.path.ismount(layout.volumes / name):
            _mount(layout, name)


def _mount(layout: Layout, name: str) -> Path:
    directory = layout.volumes / name
    directory.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-o", "loop", str(layout.volumes / f"{name}.ext4"), str(directory)], check=True, timeout=60
    )
    return directory


def _remove(core: Any, layout: Layout, name: str) -> None:
    _discard(layout, name)
    core.delete_persistent_volume(name)


def _discard(layout: Layout, name: str) -> None:
    directory = layout.volumes / name
    if os.path.ismount(directory):
        subprocess.run(["umount", str(directory)], check=True, timeout=60)
    if directory.exists():
        directory.rmdir()
    (layout.volumes / f"{name}.ext4").unlink(missing_ok=True)


def _volume(layout: Layout, name: str, claim: Any, size: str, directory: Path) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": claim.spec.access_modes,
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            # Kubernetes deletes a released volume only where it knows how; this is done here.
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": claim.metadata.namespace,
                "name": claim.metadata.name,
                "uid": claim.metadata.uid,
            },
            # Unlike hostPath, this kind gives the pod's group (fsGroup) the files.
            "local": {"path": str(directory)},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": "kubernetes.io/hostname", "operator": "In", "values": [layout.node_name]}
                            ]
                        }
                    ]
                }
            },
        },
    }
