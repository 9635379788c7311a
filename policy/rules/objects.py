"""Kubernetes objects as plain mappings: the pods that they describe, and the containers of all kinds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
"""A manifest: ``apiVersion``, ``kind``, ``metadata`` ..., names as in YAML."""


class Unknown(str):
    """A value that is known only when the update runs. No rule checks it."""

    __slots__ = ()


LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
WITH_PODS = (*LONG_RUNNING, "Job", "CronJob", "Pod")
"""Kinds that describe pods."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, or the template of pods."""

    owner: Object
    """The object that describes it: a Deployment, a CronJob ..., the Pod itself."""

    labels: Mapping[str, Any]
    annotations: Mapping[str, Any]
    spec: Mapping[str, Any]

    @property
    def namespace(self) -> object:
        return field(self.owner, "metadata", "namespace")


def field(value: object, *path: str) -> Any:
    """The value at a path of mappings; None where there is no value."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, an empty one where it is missing or not known yet."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Any]:
    """The elements of a list; none where there is no list."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def name_of(item: Object) -> str:
    """``Deployment/redis``."""
    return f"{field(item, 'kind')}/{field(item, 'metadata', 'name')}"


def pod(item: Object) -> Pod | None:
    """The pod that an object describes; None for an object that does not describe one."""
    kind = field(item, "kind")
    if kind == "Pod":
        template: object = item
    elif kind in (*LONG_RUNNING, "Job"):
        template = field(item, "spec", "template")
    elif kind == "CronJob":
        template = field(item, "spec", "jobTemplate", "spec", "template")
    else:
        return None
    return Pod(
        owner=item,
        labels=mapping(field(template, "metadata", "labels")),
        annotations=mapping(field(template, "metadata", "annotations")),
        spec=mapping(field(template, "spec")),
    )


def pods(objects: Iterable[Object]) -> Iterator[Pod]:
    """Every pod that the objects describe."""
    return (described for item in objects if (described := pod(item)))


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All containers of a pod: init, ordinary and ephemeral ones."""
    for sort in ("initContainers", "containers", "ephemeralContainers"):
        yield from items(spec.get(sort))


def lasting_containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Containers that run as long as the pod: the ordinary ones and the sidecars (`restartPolicy: Always`)."""
    yield from (each for each in items(spec.get("initContainers")) if field(each, "restartPolicy") == "Always")
    yield from items(spec.get("containers"))
