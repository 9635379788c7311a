"""Volumes and containers that a component's pods get beside the stack's own."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from .base_settings import Fix, Problem
from .kubernetes_types import KubernetesType
from .names import ImageReference
from .outside_settings import OutsidePodSettings
from .pod_settings import PodSettings
from .quantities import Bytes, Cores
from .resources import ContainerResources
from .secret_names import holds_secret

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
_VOLUME_TYPES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_CONTEXT_FIELDS = ("readOnlyRootFilesystem", "runAsUser", "runAsGroup")
_AMOUNTS: Mapping[str, Any] = {"cpu": Cores, "memory": Bytes, "ephemeral-storage": Bytes}

Objects = list[dict[str, Any]]


class ComponentPodSettings(PodSettings):
    """Extra volumes and containers for the pods of one component."""

    extra_volumes: Annotated[Objects, KubernetesType(name="Volume", many=True)] = Field(
        [], description="Further volumes of the pods, of the types that Pod Security `restricted` allows."
    )
    extra_volume_mounts: Annotated[Objects, KubernetesType(name="VolumeMount", many=True)] = Field(
        [], description="Where the component's main container mounts `extraVolumes`."
    )
    extra_init_containers: Annotated[Objects, KubernetesType(name="Container", many=True)] = Field(
        [],
        description="Containers that run before all others or, with `restartPolicy: Always`, beside them. They need "
        "requests and limits, and are restricted like the stack's own.",
    )
    extra_containers: Annotated[Objects, KubernetesType(name="Container", many=True)] = Field(
        [],
        description="Containers beside the main one. They need requests and limits, and are restricted like the "
        "stack's own.",
    )

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        for index, volume in enumerate(self.extra_volumes):
            for message in _volume_errors(volume):
                yield _problem("extraVolumes", index, message, f"a volume of type {', '.join(_VOLUME_TYPES)}")
        volumes = {volume["name"] for volume in self.extra_volumes}
        for index, mount in enumerate(self.extra_volume_mounts):
            for message in _mount_errors(mount, volumes):
                yield _problem("extraVolumeMounts", index, message, "a volume of extraVolumes and an absolute path")
        for key, containers in (
            ("extraInitContainers", self.extra_init_containers),
            ("extraContainers", self.extra_containers),
        ):
            for index, container in enumerate(containers):
                for message in container_errors(container):
                    yield _problem(key, index, message, "a container that Pod Security restricted and the quota admit")

    @property
    def extra_resources(self) -> tuple[ContainerResources, ...]:
        """Resources of the extra containers."""
        containers = [*self.extra_init_containers, *self.extra_containers]
        return tuple(
            {side: {name: str(amount) for name, amount in container["resources"][side].items()} for side in _SIDES}  # type: ignore[misc]
            for container in containers
        )

    def without_extras(self) -> "ComponentPodSettings":
        """The settings for pods other than those of the component's main workload."""
        return self.model_copy(
            update={name: [] for name in ComponentPodSettings.model_fields if name.startswith("extra_")}
        )


class OutsideComponentPodSettings(ComponentPodSettings, OutsidePodSettings):
    """Extra volumes and containers, proxy and CA bundle, for pods that connect outside the cluster."""


_SIDES = ("requests", "limits")


def _problem(key: str, index: int, message: str, allowed: str) -> Problem:
    return Problem(keys=(key,), message=f"{key}[{index}]: {message}", allowed=allowed, fix=Fix.REMOVE)


def _volume_errors(volume: Mapping[str, Any]) -> Iterator[str]:
    if not _LABEL.fullmatch(volume["name"]):
        yield f"{volume['name']!r} is not a name of a volume"
    types = [name for name, value in volume.items() if name != "name" and value is not None]
    if len(types) != 1:
        yield f"it has {len(types)} types; a volume has one"
    for name in types:
        if name not in _VOLUME_TYPES:
            yield f"{name} is not allowed by Pod Security restricted"


def _mount_errors(mount: Mapping[str, Any], volumes: set[str]) -> Iterator[str]:
    if mount["name"] not in volumes:
        yield f"there is no volume {mount['name']!r} in extraVolumes"
    path = str(mount["mountPath"])
    if not path.startswith("/") or path == "/" or ".." in path.split("/") or ":" in path:
        yield f"mountPath {path!r} is not an absolute path below /"


def container_errors(container: Mapping[str, Any]) -> Iterator[str]:
    """The reasons why the namespace would not admit an extra container, and secrets in plain text."""
    if not _LABEL.fullmatch(container["name"]):
        yield f"{container['name']!r} is not a name of a container"
    if not _is(ImageReference, container.get("image", "")):
        yield "image is not an image of a fixed version"
    yield from _resource_errors(container.get("resources") or {})
    context = container.get("securityContext") or {}
    if unknown := [name for name in context if name not in _CONTEXT_FIELDS]:
        yield f"securityContext.{unknown[0]} is set by the stack"
    if context.get("runAsUser") == 0:
        yield "securityContext.runAsUser is root"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "a hostPort is not allowed by Pod Security restricted"
    for variable in container.get("env") or ():
        if holds_secret(variable["name"], variable.get("value") or ""):
            yield f"the variable {variable['name']} has a secret in plain text; use valueFrom.secretKeyRef"


def _resource_errors(resources: Mapping[str, Any]) -> Iterator[str]:
    for side in _SIDES:
        amounts = resources.get(side) or {}
        for name, accepted in _AMOUNTS.items():
            if name not in amounts:
                yield f"resources.{side}.{name} is missing; the quota of the namespace requires it"
            elif not _is(accepted, amounts[name]):
                yield f"resources.{side}.{name} is not a quantity"


def _is(accepted: Any, value: object) -> bool:
    try:
        TypeAdapter(accepted).validate_python(value)
    except ValidationError:
        return False
    return True
