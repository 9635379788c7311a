"""Volumes that a workload had and no longer has in the same place: it starts as if their data had never been."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .changes import Change
from .model import at
from .workloads import CONTROLLERS


@dataclass(frozen=True, kw_only=True)
class Detachment:
    """A claim that the pods of a workload lose."""

    change: Change
    """Of the workload."""

    claim: str
    """Name of the claim."""

    places: tuple[str, ...]
    """Where it was mounted, and is not any more."""


def detachments(changes: Iterable[Change]) -> list[Detachment]:
    """Claims that stay, and that the workload they belonged to no longer mounts where it did.

    A claim that goes itself is a matter of its own.
    """
    listed = tuple(changes)
    gone = {change.object_name for change in listed if change.kind == "PersistentVolumeClaim" and change.destroys}
    found = []
    for change in listed:
        # What goes as a whole is a matter of its own, too.
        if change.kind in CONTROLLERS and change.after:
            before, after = _mounted(change.before), _mounted(change.after)
            for claim in before.keys() - gone:
                if lost := before[claim] - after.get(claim, set()):
                    found.append(Detachment(change=change, claim=claim, places=tuple(sorted(lost))))
    return found


def _mounted(item: Mapping[str, Any]) -> dict[str, set[str]]:
    """Places by claim. Init containers do not count: what the application keeps is written by its own container."""
    spec = at(item, "spec", "template", "spec")
    claims = {
        at(volume, "name"): at(volume, "persistentVolumeClaim", "claimName") for volume in at(spec, "volumes") or []
    }
    found: dict[str, set[str]] = {}
    for container in at(spec, "containers") or []:
        for mount in at(container, "volumeMounts") or []:
            if claim := claims.get(at(mount, "name")):
                part = f" (part {mount['subPath']})" if at(mount, "subPath") else ""
                found.setdefault(str(claim), set()).add(f"{at(mount, 'mountPath')}{part}")
    return found
