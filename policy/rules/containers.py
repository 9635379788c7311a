"""Rules for every container: a fixed image version, requests and limits, probes."""

from collections.abc import Iterator, Mapping
from typing import Any

from .objects import (
    LONG_RUNNING,
    WITH_PODS,
    Object,
    Unknown,
    containers,
    field,
    items,
    lasting_containers,
    mapping,
    pod,
)
from .rule import Context, Level, ObjectRule

_REQUESTS = ("cpu", "memory", "ephemeral-storage")
# Not CPU: a container at its CPU limit is slowed down, one without a memory limit takes the node down with it.
_LIMITS = ("memory", "ephemeral-storage")


def image_version(item: Object, _context: Context) -> Iterator[str]:
    """Images whose reference may mean another image tomorrow."""
    described = pod(item)
    for container in containers(described.spec) if described else ():
        if wrong := _wrong_image(field(container, "image")):
            yield f"container {field(container, 'name')}: its image {wrong}"
    for volume in items(described.spec.get("volumes")) if described else ():
        if field(volume, "image") is not None and (wrong := _wrong_image(field(volume, "image", "reference"))):
            yield f"volume {field(volume, 'name')}: its image {wrong}"


def _wrong_image(image: object) -> str | None:
    if isinstance(image, Unknown):
        return None
    # In `name@sha256:…` this is the digest, which is as good.
    tag = str(image or "").rpartition("/")[2].partition(":")[2]
    if tag and tag != "latest":
        return None
    return "has the tag latest" if tag else "has no tag"


def resources(item: Object, _context: Context) -> Iterator[str]:
    """Requests and limits that are not set."""
    described = pod(item)
    for container in containers(described.spec) if described else ():
        for side, names in (("requests", _REQUESTS), ("limits", _LIMITS)):
            amounts = mapping(field(container, "resources", side))
            if missing := [name for name in names if not amounts.get(name)]:
                yield f"container {field(container, 'name')}: no {side} of {', '.join(missing)}"


def probes(item: Object, _context: Context) -> Iterator[str]:
    """Containers without probes: the kubelet does not know whether they work."""
    for container in _probed(item):
        for probe in ("readinessProbe", "livenessProbe"):
            if not container.get(probe):
                yield f"container {field(container, 'name')}: no {probe}"


def probes_differ(item: Object, _context: Context) -> Iterator[str]:
    """Containers that the kubelet restarts as soon as they are not ready."""
    for container in _probed(item):
        ready, alive = container.get("readinessProbe"), container.get("livenessProbe")
        if ready and alive and _what(ready) == _what(alive) and _patience(alive) <= _patience(ready):
            yield f"container {field(container, 'name')}: it is restarted as soon as it is not ready"


def _probed(item: Object) -> Iterator[Mapping[str, Any]]:
    described = pod(item)
    # A bare Pod keeps running, too, unless its restart policy says that it ends.
    lasts = field(item, "kind") == "Pod" and field(item, "spec", "restartPolicy") in (None, "Always")
    if described and (lasts or field(item, "kind") in LONG_RUNNING):
        yield from (each for each in lasting_containers(described.spec) if _serves(each))


def _serves(container: Mapping[str, Any]) -> bool:
    # No client waits for a sidecar without a port, and the kubelet restarts it when it ends.
    return "restartPolicy" not in container or bool(container.get("ports"))


def _what(probe: Mapping[str, Any]) -> dict[str, Any]:
    return {name: probe.get(name) for name in ("exec", "httpGet", "tcpSocket", "grpc")}


def _patience(probe: Mapping[str, Any]) -> int:
    # Kubernetes' own defaults: every 10 s, 3 times.
    return int(probe.get("periodSeconds") or 10) * int(probe.get("failureThreshold") or 3)


RULES = (
    ObjectRule(
        name="image-version",
        description="Every image has a tag other than latest, or a digest: what runs is what was reviewed.",
        remedy="Name the version in the image.",
        kinds=WITH_PODS,
        check=image_version,
    ),
    ObjectRule(
        name="resources-set",
        description="Every container, init containers included, requests CPU, memory and ephemeral storage, and has a "
        "limit of memory and ephemeral storage: else it takes them from its neighbours.",
        remedy="Set resources.requests and resources.limits of the container.",
        kinds=WITH_PODS,
        check=resources,
    ),
    ObjectRule(
        name="probes-set",
        description="Every container that runs as long as its pod has a readiness and a liveness probe; a sidecar that "
        "serves no port needs none.",
        remedy="Set readinessProbe and livenessProbe (components/blocks/probes.py).",
        kinds=(*LONG_RUNNING, "Pod"),
        check=probes,
    ),
    ObjectRule(
        name="probes-differ",
        description="Liveness asks for less than readiness, or is more patient: a slow dependency must not restart "
        "every pod.",
        remedy="Let livenessProbe ask something that needs no other service, or raise its failureThreshold.",
        kinds=(*LONG_RUNNING, "Pod"),
        level=Level.ADVISORY,
        check=probes_differ,
    ),
)
