"""Adds the settings `pods` of the stack and of the component to a pod."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import pulumi
from pulumi_kubernetes.core.v1 import PodSpecArgsDict

from .extra_settings import ComponentPodSettings
from .outside_connections import with_outside_connections
from .outside_settings import OutsidePodSettings
from .pod_security import container_security_context
from .pod_settings import PodSettings

_ASSIGNED_BY_PLATFORM = ("run_as_user", "run_as_group", "fs_group")


def customized(spec: PodSpecArgsDict, settings: PodSettings, hosts_inside: Sequence[str]) -> PodSpecArgsDict:
    """The spec of a pod with the additions of the settings. Empty settings change nothing.

    Args:
        spec: of `restricted_pod`.
        settings: those of the stack and of the component.
        hosts_inside: hosts of the cluster that the pod reaches without the proxy.

    Raises:
        RunError: an extra volume, mount or container has the name or the path of one of the stack's own.
    """
    # Kubernetes objects in the settings use the names of the API (camelCase), which the SDK's types do not accept.
    added: dict[str, Any] = {
        "node_selector": settings.node_selector,
        "tolerations": settings.tolerations,
        "affinity": settings.affinity,
        "topology_spread_constraints": settings.topology_spread_constraints,
        "scheduler_name": settings.scheduler_name,
        "priority_class_name": settings.priority_class_name,
        "runtime_class_name": settings.runtime_class_name,
        "image_pull_secrets": [{"name": name} for name in settings.image_pull_secrets],
        "host_aliases": settings.host_aliases,
    }
    whole: dict[str, Any] = {**spec, **{name: value for name, value in added.items() if value}}
    if not settings.fixed_uid:
        context: dict[str, Any] = whole["security_context"]
        whole["security_context"] = {k: v for k, v in context.items() if k not in _ASSIGNED_BY_PLATFORM}
    if isinstance(settings, OutsidePodSettings):
        whole = with_outside_connections(whole, settings, hosts_inside)
    if isinstance(settings, ComponentPodSettings):
        whole = _with_extras(whole, settings)
    return cast(PodSpecArgsDict, whole)


def _with_extras(spec: dict[str, Any], settings: ComponentPodSettings) -> dict[str, Any]:
    own, *sidecars = spec["containers"]
    lists = {
        "volumes": settings.extra_volumes,
        "init_containers": [_restricted(each) for each in settings.extra_init_containers],
        "containers": [_restricted(each) for each in settings.extra_containers],
    }
    if mounts := settings.extra_volume_mounts:
        own = {**own, "volume_mounts": [*own.get("volume_mounts", []), *mounts]}
        paths = (each.get("mountPath", each.get("mount_path")) for each in own["volume_mounts"])
        _refuse_twice("extraVolumeMounts", paths)
    whole = {**spec, "containers": [own, *sidecars]}
    for key, extra in lists.items():
        if extra:
            # The stack's own init containers come last, because an extra one may prepare what they need.
            parts = [extra, whole.get(key, [])] if key == "init_containers" else [whole.get(key, []), extra]
            whole[key] = [each for part in parts for each in part]
    _refuse_twice("extraVolumes", (each["name"] for each in whole.get("volumes", [])))
    containers = [*whole.get("init_containers", []), *whole["containers"]]
    _refuse_twice("extraContainers or extraInitContainers", (each["name"] for each in containers))
    return whole


def _restricted(container: dict[str, Any]) -> dict[str, Any]:
    """An extra container as Pod Security "restricted" admits it."""
    context: dict[str, Any] = container.get("securityContext") or {}
    own: dict[str, Any] = {**container_security_context()}
    # Some servers write to their program directory, and some images need a certain user.
    own |= {snake: context[key] for key, snake in _CONTEXT.items() if key in context}
    rest = {key: value for key, value in container.items() if key != "securityContext"}
    return {"imagePullPolicy": "IfNotPresent", **rest, "security_context": own}


_CONTEXT = {
    "readOnlyRootFilesystem": "read_only_root_filesystem",
    "runAsUser": "run_as_user",
    "runAsGroup": "run_as_group",
}


def _refuse_twice(key: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise pulumi.RunError(f"{key}: {name} is already used in the pod; choose another one. Nothing was changed.")
        seen.add(name)
