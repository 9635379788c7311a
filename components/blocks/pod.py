"""Pods and containers that meet Pod Security "restricted" and the quota of the namespace. A component provides only
the specific fields, with the names of the Kubernetes API; the other fields are the same for all and cannot be
overridden.
"""

from collections.abc import Mapping, Sequence

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    ContainerPortArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    SecretVolumeSourceArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from .authority import KEY, Authority
from .container_resources import resource_requirements
from .labels import Labels
from .pod_security import UID, container_security_context, pod_security_context
from .resources import ContainerResources

_TOPOLOGY_KEYS = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def restricted_pod(account: str, spec: PodSpecArgsDict, *, group: int = UID) -> PodSpecArgsDict:
    """Spec of a pod: its own, and a security context, no token, no variables of the namespace's Services.

    Args:
        account: name of its ServiceAccount.
        spec: what is its own: containers, volumes, grace period ...
        group: group of its processes and of its volumes.
    """
    return {
        **spec,
        "service_account_name": account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security_context(group=group),
    }


def restricted_container(spec: ContainerArgsDict, resources: ContainerResources) -> ContainerArgsDict:
    """A container: its own part, and a security context, resources and the pull policy.

    Args:
        spec: what is its own: name, image, command, probes, mounts ...
        resources: its requests and limits, ephemeral storage included.
    """
    return {
        **spec,
        "image_pull_policy": "IfNotPresent",
        "resources": resource_requirements(resources),
        "security_context": container_security_context(),
    }


def container_port(name: str, port: int) -> ContainerPortArgsDict:
    """A TCP port of a container, by the name that Services and probes use."""
    return {"name": name, "container_port": port, "protocol": "TCP"}


def plain_variables(values: Mapping[str, str | int]) -> list[EnvVarArgsDict]:
    """Environment variables without secrets."""
    return [{"name": name, "value": str(value)} for name, value in values.items()]


def claim_volume(name: str, claim: str) -> VolumeArgsDict:
    """Volume of a pod: a PVC."""
    return {"name": name, "persistent_volume_claim": {"claim_name": claim}}


def secret_volume(name: str, secret: str, *keys: str) -> VolumeArgsDict:
    """Volume of a pod: keys of a Secret as files of the same names, which only the pod's group may read.

    Args:
        name: name of the volume.
        secret: name of the Secret.
        keys: the keys that the pod needs. Default: all.
    """
    source: SecretVolumeSourceArgsDict = {"secret_name": secret, "default_mode": 0o440}
    if keys:
        source = {**source, "items": [{"key": key, "path": key} for key in keys]}
    return {"name": name, "secret": source}


def authority_volumes(authorities: Sequence[Authority]) -> list[VolumeArgsDict]:
    """Volumes of a pod: the certificates of each authority, without the private key that may be beside them."""
    return [
        {"name": each.volume, "secret": {"secret_name": each.secret, "items": [{"key": KEY, "path": KEY}]}}
        for each in authorities
    ]


def authority_mounts(authorities: Sequence[Authority]) -> list[VolumeMountArgsDict]:
    """Mounts of `authority_volumes`."""
    return [{"name": each.volume, "mount_path": each.directory, "read_only": True} for each in authorities]


def spread(labels: Labels) -> list[TopologySpreadConstraintArgsDict]:
    """Constraints that spread the pods with these labels over nodes and zones.

    They are preferences: on a single node, or while a zone is down, the pods still run.
    """
    return [
        {
            "topology_key": key,
            "max_skew": 1,
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": labels.selector},
        }
        for key in _TOPOLOGY_KEYS
    ]
