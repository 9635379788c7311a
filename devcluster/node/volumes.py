"""Provisions volumes of the requested size: each is a file with a file system, which limits it."""

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
    """The default StorageClass of the cluster."""
    return {
        "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": False,
    }


def run(core: Any, layout: Layout) -> None:
    """Create a volume for each PersistentVolumeClaim that has none and delete released ones, until the process ends."""
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
            # The disk is full: the PersistentVolumeClaim waits, and the node continues.
            print(f"a volume could not be created or deleted: {error}", flush=True)
        changed.wait(_WATCHED_SECONDS)
        changed.clear()


def reconcile(core: Any, layout: Layout) -> None:
    """Create and delete volumes once."""
    existing = core.list_persistent_volume().items
    for volume in existing:
        if volume.spec.storage_class_name == STORAGE_CLASS and volume.status.phase == "Released":
            _remove(core, layout, volume.metadata.name)
    _remount(layout, [volume.metadata.name for volume in existing if volume.status.phase != "Released"])
    known = {volume.metadata.name for volume in existing}
    for claim in core.list_persistent_volume_claim_for_all_namespaces().items:
        name = f"pvc-{claim.metadata.uid}"
        if claim.spec.storage_class_name == STORAGE_CLASS and not claim.spec.volume_name and name not in known:
            _provide(core, layout, name, claim)


def _provide(core: Any, layout: Layout, name: str, claim: Any) -> None:
    size = claim.spec.resources.requests["storage"]
    # Remains of a failed attempt.
    _discard(layout, name)
    file = layout.volumes / f"{name}.ext4"
    # A sparse file: it uses as much space as is written to it.
    with file.open("wb") as image:
        image.truncate(int(utils.parse_quantity(size)))
    # initdb refuses a directory with lost+found, and pods cannot use blocks that are reserved for root.
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(file)], check=True, timeout=120)
    directory = _mount(layout, name)
    (directory / "lost+found").rmdir()
    core.create_persistent_volume(_volume(layout, name, claim, size, directory))


def _remount(layout: Layout, names: Iterable[str]) -> None:
    """Mount the volumes after a restart of the node, whose mounts ended with it."""
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
            # Kubernetes does not delete volumes of this kind; this module does.
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": claim.metadata.namespace,
                "name": claim.metadata.name,
                "uid": claim.metadata.uid,
            },
            # Unlike hostPath, a local volume is owned by the group of the pod (fsGroup).
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
