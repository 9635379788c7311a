"""What must not be merged unless somebody says so (docs/decisions/0016-review-gate.md)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .changes import PROVIDER_PREFIX, Change, Operation
from .disruption import disruptions
from .model import at
from .property_diff import differences
from .redaction import shown
from .versions import version_changes

_GENERATED = ("random:index/randomPassword:RandomPassword", "random:index/randomBytes:RandomBytes")
# The SDK makes one for each version of a package; another version is another name, and the old one goes.
_DEFAULT_PROVIDER = "default"

_CONSEQUENCES = {
    "PersistentVolumeClaim": "the data on the volume is lost",
    "StatefulSet": "its pods all stop",
    "Namespace": "everything in it is deleted",
    "RandomPassword": "whoever still has the old value is locked out",
    "RandomBytes": "whoever still has the old value is locked out",
    "Provider": "every object that it manages is replaced",
}

ALLOWING = re.compile(r"allow-(replace|delete|major|downgrade|disruption):[\w.-]+/[\w.-]+")
"""Labels that allow something: ``allow-<what>:<environment>/<logical name>``."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the gate stops, or would."""

    environment: str
    resource: str
    """``PersistentVolumeClaim/postgres-data``."""

    what: str
    """What happens to it, and what that means."""

    cause: str
    """The property that makes it so."""

    label: str | None
    """Label that allows it; None when nothing does, because the update would fail."""

    remedy: str | None = None
    """What to do where no label helps."""

    allowed: bool = False
    """Whether the label has been given."""


def findings(
    changes: Iterable[Change], environment: str, *, production: bool, labels: frozenset[str] = frozenset()
) -> list[Finding]:
    """Everything dangerous in the preview of one environment.

    Args:
        changes: all resources of the preview.
        environment: its name, part of every label.
        production: whether the disruption budgets are kept, too.
        labels: labels of the pull request.
    """
    listed = tuple(changes)
    found = [
        finding for change in listed if (finding := _destroyed(change, environment) or _shrunk(change, environment))
    ]
    for version in version_changes(listed):
        if version.blocked_as:
            label = f"allow-{version.blocked_as}:{environment}/{version.change.name}"
            found.append(
                Finding(
                    environment=environment,
                    resource=version.change.label,
                    what=f"{version.product} {version.before} → {version.after}: {version.note}",
                    cause="image",
                    label=label,
                )
            )
    for disruption in disruptions(listed) if production else ():
        found.append(
            Finding(
                environment=environment,
                resource=disruption.change.label,
                what="fewer pods than its disruption budget promises",
                cause="; ".join(disruption.reasons),
                label=f"allow-disruption:{environment}/{disruption.change.name}",
            )
        )
    return [_with_label(finding, labels) for finding in found]


def _with_label(finding: Finding, labels: frozenset[str]) -> Finding:
    return Finding(**{**vars(finding), "allowed": finding.label in labels})


def _destroyed(change: Change, environment: str) -> Finding | None:
    if not change.destroys or not (change.protected_before or _is_guarded(change)):
        return None
    consequence = _CONSEQUENCES.get(change.kind, "it is protected")
    if change.retained:
        consequence += "; the object stays in the cluster, no longer managed" if change.kind != "Namespace" else ""
    verb = "is replaced" if change.operation is Operation.REPLACE else "is deleted"
    # The engine refuses unless the same change removes the protection; its preview says nothing of it.
    refused = change.protected_before and (change.protected_after or change.operation is Operation.DELETE)
    word = "replace" if change.operation is Operation.REPLACE else "delete"
    return Finding(
        environment=environment,
        resource=change.label,
        what=f"protected, and {verb}: the update fails" if refused else f"{verb}: {consequence}",
        cause=_cause(change),
        label=None if refused else f"allow-{word}:{environment}/{change.name}",
        remedy="deploy `protect: false` in a change of its own before this one" if refused else None,
    )


def _shrunk(change: Change, environment: str) -> Finding | None:
    """A StatefulSet with fewer pods: each of those that go may be the only one that has its data."""
    before, after = (at(side, "spec", "replicas") for side in (change.before, change.after))
    both = isinstance(before, int | float) and isinstance(after, int | float)
    if change.kind != "StatefulSet" or not both or after >= before:
        return None
    return Finding(
        environment=environment,
        resource=change.label,
        what=f"{before - after:g} of its pods go: what only they have is lost (a part of the data, in a Redis Cluster)",
        cause=_with_values(change, "spec.replicas"),
        label=f"allow-delete:{environment}/{change.name}",
    )


def _is_guarded(change: Change) -> bool:
    if change.type.startswith(PROVIDER_PREFIX):
        return not change.name.startswith(_DEFAULT_PROVIDER)
    if change.is_kubernetes:
        return change.kind in ("PersistentVolumeClaim", "StatefulSet", "Namespace")
    return change.type in _GENERATED


def _cause(change: Change) -> str:
    if change.operation is Operation.DELETE:
        return "no longer in the program"
    if not change.replaced_by:
        # The engine gives none for `replace_on_changes`, nor for what is replaced with what it depends on.
        paths = [difference.path for difference in differences(change)]
        return ", ".join(paths[:3]) or "something that it depends on is replaced"
    return ", ".join(_with_values(change, path) for path in change.replaced_by)


def _with_values(change: Change, path: str) -> str:
    """``spec.storageClassName (standard → fast)`` where both values are simple and may be shown."""
    steps = path.split(".")
    before, after = at(change.before, *steps), at(change.after, *steps)
    simple = all(value is None or isinstance(value, str | int) for value in (before, after))
    if not simple or before == after or steps[0] in change.secret_properties:
        return path
    old, new = ("not set" if value is None else shown(value, name=steps[-1]) for value in (before, after))
    return f"{path} ({old} → {new})"
