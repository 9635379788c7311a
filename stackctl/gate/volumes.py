"""The PVCs that the pods of a workload mount before and after a change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .changes import Change
from .model import at
from .workloads import CONTROLLERS


@dataclass(frozen=True, kw_only=True)
class Detachment:
    """A PVC that stays, and that the pods of a workload no longer mount."""

    change: Change
    """Of the workload."""

    claim: str
    """Name of the PVC."""

    places: tuple[str, ...]
    """Mount paths at which it is no longer mounted."""


def detachments(changes: Iterable[Change]) -> list[Detachment]:
    """PVCs that stay, and that the workload no longer mounts where it did: it starts without their data.

    The deletions of a PVC and of a workload are separate findings.
    """
    listed = tuple(changes)
    deleted = deleted_claims(listed)
    return [
        Detachment(change=change, claim=claim, places=tuple(sorted(lost)))
        for change in listed
        if change.kind in CONTROLLERS and change.after
        for before, after in [(_mounted(change.before), _mounted(change.after))]
        for claim in before.keys() - deleted
        if (lost := before[claim] - after.get(claim, set()))
    ]


def deleted_claims(changes: Iterable[Change]) -> frozenset[str]:
    """Names of the PVCs that the update deletes or replaces."""
    return frozenset(
        change.object_name for change in changes if change.kind == "PersistentVolumeClaim" and change.destroys
    )


def keeps_data(change: Change, directory: str, deleted: frozenset[str]) -> bool:
    """Whether the pods of a workload keep their data across the update.

    Args:
        change: of the workload.
        directory: where its containers write their data.
        deleted: names of the PVCs that the update deletes.
    """
    before, after = (
        {claim for claim, places in _mounted(item).items() if directory in places}
        for item in (change.before, change.after)
    )
    # The controller deletes the PVCs of a deleted StatefulSet only under this policy.
    retention = at(change.before, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
    if change.destroys and retention == "Delete":
        before -= _templates(change.before)
    return bool((before & after) - deleted)


def _mounted(item: Mapping[str, Any]) -> dict[str, set[str]]:
    """Mount paths by PVC or claim template, without those of init containers, which do not write the data."""
    spec = at(item, "spec", "template", "spec")
    claims = {
        at(volume, "name"): at(volume, "persistentVolumeClaim", "claimName") for volume in at(spec, "volumes") or []
    }
    # The PVCs that the controller creates are named after the template and the pod, which keep their names.
    claims |= {name: name for name in _templates(item)}
    mounted: dict[str, set[str]] = {}
    for container in at(spec, "containers") or []:
        for mount in at(container, "volumeMounts") or []:
            if claim := claims.get(at(mount, "name")):
                part = f" (part {mount['subPath']})" if at(mount, "subPath") else ""
                mounted.setdefault(str(claim), set()).add(f"{at(mount, 'mountPath')}{part}")
    return mounted


def _templates(item: Mapping[str, Any]) -> set[str]:
    names = {at(template, "metadata", "name") for template in at(item, "spec", "volumeClaimTemplates") or []}
    return {str(name) for name in names if name}
