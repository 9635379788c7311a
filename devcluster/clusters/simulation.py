"""Objects that make simulated nodes look like a real cluster: nodes in three zones, a StorageClass and free volumes."""

from pathlib import Path
from typing import Any

from kubernetes import client

from .api import api_client, create_missing

NODES = {"node-a": "zone-a", "node-b": "zone-b", "node-c": "zone-c"}
STORAGE_CLASS = "standard"
FREE_VOLUMES = 30
_CAPACITY = {"cpu": "32", "memory": "128Gi", "ephemeral-storage": "500Gi", "pods": "110", "nvidia.com/gpu": "8"}


def prepare(kubeconfig: Path, context: str) -> None:
    """Create the missing nodes, the default StorageClass and the missing free volumes."""
    api = api_client(kubeconfig, context)
    core = client.CoreV1Api(api)
    for name, zone in NODES.items():
        create_missing(core.create_node, _node(name, zone))
    create_missing(client.StorageV1Api(api).create_storage_class, _storage_class())
    _add_volumes(core)


def _node(name: str, zone: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
            },
        },
        "status": {"capacity": _CAPACITY, "allocatable": _CAPACITY},
    }


def _storage_class() -> dict[str, Any]:
    return {
        "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "reclaimPolicy": "Retain",
        # The volumes are on no node, so PersistentVolumeClaims are bound at once.
        "volumeBindingMode": "Immediate",
        # The volumes below are larger than any PersistentVolumeClaim, so that one can be expanded.
        "allowVolumeExpansion": True,
    }


def _add_volumes(core: client.CoreV1Api) -> None:
    """No provisioner creates volumes here, and a released one is never bound again: keep enough free ones."""
    volumes = core.list_persistent_volume().items
    free = [volume for volume in volumes if not volume.status or volume.status.phase in (None, "Pending", "Available")]
    taken = {volume.metadata.name for volume in volumes if volume.metadata}
    number = 0
    for _ in range(FREE_VOLUMES - len(free)):
        while (name := f"volume-{number}") in taken:
            number += 1
        taken.add(name)
        create_missing(core.create_persistent_volume, _volume(name))


def _volume(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": f"/simulated/{name}"},
        },
    }
