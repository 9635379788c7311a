"""What a cluster of simulated nodes needs to look like a real one: nodes in three zones and volumes to claim."""

from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

NODES = {"node-a": "zone-a", "node-b": "zone-b", "node-c": "zone-c"}
STORAGE_CLASS = "standard"
FREE_VOLUMES = 10
_CAPACITY = {"cpu": "32", "memory": "128Gi", "ephemeral-storage": "500Gi", "pods": "110"}


def prepare(kubeconfig: Path, context: str) -> None:
    """Make what is missing of the nodes, the default StorageClass and the free volumes."""
    api = _client(kubeconfig, context)
    core = client.CoreV1Api(api)
    for name, zone in NODES.items():
        _create_missing(core.create_node, _node(name, zone))
    _create_missing(client.StorageV1Api(api).create_storage_class, _storage_class())
    _add_volumes(core)


def is_ready(kubeconfig: Path, context: str) -> bool:
    """Whether the API server answers within two seconds."""
    try:
        api = _client(kubeconfig, context)
        api.configuration.retries = False
        client.CoreV1Api(api).list_namespace(limit=1, _request_timeout=2)
    except (client.ApiException, urllib3.exceptions.HTTPError, config.ConfigException, OSError):
        return False
    return True


def _client(kubeconfig: Path, context: str) -> client.ApiClient:
    api: client.ApiClient = config.new_client_from_config(config_file=str(kubeconfig), context=context)
    return api


def _create_missing(create: Any, manifest: dict[str, Any]) -> None:
    try:
        create(body=manifest)
    except client.ApiException as error:
        if error.status != 409:
            raise


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
        # There is no disk whose place would depend on the pod: claims are bound at once.
        "volumeBindingMode": "Immediate",
        # The volumes below are larger than any claim, so that a claim can grow.
        "allowVolumeExpansion": True,
    }


def _add_volumes(core: client.CoreV1Api) -> None:
    """Nothing provisions volumes here, and a released one is never bound again: keep enough free ones."""
    volumes = core.list_persistent_volume().items
    free = [volume for volume in volumes if not volume.status or volume.status.phase in (None, "Pending", "Available")]
    taken = {volume.metadata.name for volume in volumes if volume.metadata}
    number = 0
    for _ in range(FREE_VOLUMES - len(free)):
        while (name := f"volume-{number}") in taken:
            number += 1
        taken.add(name)
        _create_missing(core.create_persistent_volume, _volume(name))


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
