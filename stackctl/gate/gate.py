"""Changes that must not be merged unless a label allows them (docs/decisions/0016-review-gate.md)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..redaction import shown
from .changes import PROVIDER_PREFIX, Change, Operation
from .disruption import Disruption, disruptions
from .model import at, known
from .property_diff import differences
from .versions import VersionChange, version_changes
from .volumes import Detachment, detachments
from .workloads import COUNTED

_GENERATED = ("random:index/randomPassword:RandomPassword", "random:index/randomBytes:RandomBytes")
# The engine creates one for each version of a package; a new version has a new name, and the old provider is deleted.
_DEFAULT_PROVIDER = re.compile(r"default(_\d+_\d+_\d+(_.*)?)?")
# Not the kubeconfig: the path of its file differs from machine to machine.
_WHICH_CLUSTER = ("context", "cluster")

_CONSEQUENCES = {
    "PersistentVolumeClaim": "the data on the volume is lost",
    "PersistentVolume": "the data on the volume may be lost",
    "StatefulSet": "its pods all stop",
    "Cluster": "the operator deletes its instances and their volumes, unless the object stays",
    "Namespace": "everything in it is deleted",
    "RandomPassword": "clients with the old value are locked out",
    "RandomBytes": "clients with the old value are locked out",
    "Provider": "every object that it manages is replaced",
}

ALLOWING = re.compile(r"allow-(replace|delete|detach|cluster|unprotect|major|downgrade|disruption):[\w.-]+/[\w.-]+")
"""Labels that allow something: ``allow-<what>:<environment>/<logical name>``."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A dangerous change: the gate stops it unless its label allows it."""

    environment: str
    resource: str
    """``PersistentVolumeClaim/postgres-data``."""

    what: str
    """The effect on the resource, and its consequence."""

    cause: str
    """The property that causes it."""

    label: str | None
    """Label that allows it; None when no label does."""

    remedy: str | None = None
    """How to proceed where no label allows it."""

    allowed: bool = False
    """Whether the pull request has the label."""


def findings(
    changes: Iterable[Change],
    environment: str,
    *,
    production: bool,
    complete: bool = True,
    labels: frozenset[str] = frozenset(),
) -> list[Finding]:
    """All dangerous changes in the preview of one environment.

    Args:
        changes: all resources of the preview.
        environment: its name, part of every label.
        production: whether the disruption budgets are kept, too.
        complete: whether unchanged resources are among the changes. Without them budgets cannot be judged.
        labels: labels of the pull request.
    """
    listed = tuple(changes)
    dangerous = [
        finding
        for change in listed
        for finding in (
            _destroyed(change, environment) or _shrunk(change, environment) or _elsewhere(change, environment),
        )
        if finding
    ]
    dangerous += [_detached(detachment, environment) for detachment in detachments(listed)]
    dangerous += _unprotected(listed, environment)
    dangerous += [_version(version, environment) for version in version_changes(listed) if version.blocked_as]
    if production:
        dangerous += [_disrupted(disruption, environment) for disruption in disruptions(listed)]
        dangerous += [] if complete else _unjudged(listed, environment)
    return [_with_label(finding, labels) for finding in dangerous]


def unprotected(changes: Iterable[Change]) -> list[Change]:
    """Resources that stay and lose their protection."""
    return [
        change
        for change in changes
        if change.protected_before and not change.protected_after and change.operation is not Operation.DELETE
    ]


def _detached(detachment: Detachment, environment: str) -> Finding:
    return Finding(
        environment=environment,
        resource=detachment.change.label,
        what=f"starts without the data of the PVC {detachment.claim}, which stays in the cluster",
        cause=f"no longer mounted at {', '.join(detachment.places)}",
        label=f"allow-detach:{environment}/{detachment.change.name}",
    )


def _unprotected(changes: Iterable[Change], environment: str) -> list[Finding]:
    """One finding for all: protection is one setting of a stack. A replaced resource has a finding of its own."""
    names = [change.label for change in unprotected(changes) if not change.destroys]
    if not names:
        return []
    return [
        Finding(
            environment=environment,
            resource=", ".join(names),
            what="no longer protected: a later change may delete it",
            cause="protect",
            label=f"allow-unprotect:{environment}/stack",
        )
    ]


def _version(version: VersionChange, environment: str) -> Finding:
    return Finding(
        environment=environment,
        resource=version.change.label,
        what=f"{version.product} {version.before} → {version.after}: {version.note}",
        cause="image",
        label=f"allow-{version.blocked_as}:{environment}/{version.change.name}",
    )


def _disrupted(disruption: Disruption, environment: str) -> Finding:
    return Finding(
        environment=environment,
        resource=disruption.change.label,
        what="fewer pods than its disruption budget requires",
        cause="; ".join(disruption.reasons),
        label=f"allow-disruption:{environment}/{disruption.change.name}",
    )


def _unjudged(changes: Iterable[Change], environment: str) -> list[Finding]:
    names = [change.label for change in changes if change.changes and change.kind in COUNTED]
    if not names:
        return []
    return [
        Finding(
            environment=environment,
            resource=", ".join(names),
            what="it is unknown whether the disruption budgets are kept",
            cause="the preview leaves out unchanged resources",
            label=None,
            remedy="write it with `make preview`, or with `pulumi preview --json --show-sames`",
        )
    ]


def _with_label(finding: Finding, labels: frozenset[str]) -> Finding:
    return Finding(**{**vars(finding), "allowed": finding.label in labels})


def _destroyed(change: Change, environment: str) -> Finding | None:
    if not change.destroys or not (change.protected_before or _is_guarded(change)):
        return None
    consequence = _CONSEQUENCES.get(change.kind, "it is protected")
    if change.retained and change.is_kubernetes:
        consequence = "the object stays in the cluster, outside of the stack"
    verb = "is replaced" if change.operation is Operation.REPLACE else "is deleted"
    # The engine refuses unless the same change removes the protection; its preview does not say so.
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
    """A StatefulSet with fewer pods: each removed pod may have the only copy of its data."""
    before, after = _replicas(change.before), _replicas(change.after)
    if change.kind != "StatefulSet" or not change.before or after >= before:
        return None
    return Finding(
        environment=environment,
        resource=change.label,
        what=f"{before - after:g} of its pods are removed: data that only they hold is lost (hash slots, in a Redis "
        "Cluster)",
        cause=_with_values(change, "spec.replicas"),
        label=f"allow-delete:{environment}/{change.name}",
    )


def _replicas(item: Mapping[str, Any]) -> float:
    """Pods of a StatefulSet, 1 by default as in Kubernetes; 0 where the preview hides the number."""
    if not known(item, "spec", "replicas"):
        return 0
    number = at(item, "spec", "replicas")
    return 1 if number is None else float(number)


def _elsewhere(change: Change, environment: str) -> Finding | None:
    """A provider that is updated to another cluster.

    With a `cluster_identifier` neither the provider nor its objects are replaced: the state then lists objects that the
    other cluster does not have (docs/decisions/0002-provider.md).
    """
    paths = [name for name in _WHICH_CLUSTER if change.before.get(name) != change.after.get(name)]
    if change.type != f"{PROVIDER_PREFIX}kubernetes" or change.operation is not Operation.UPDATE or not paths:
        return None
    return Finding(
        environment=environment,
        resource=change.label,
        what="connects to another cluster, or to this one under another name: the objects stay here, and the state "
        "takes them for objects of the other cluster",
        cause=", ".join(_with_values(change, path) for path in paths),
        label=f"allow-cluster:{environment}/{change.name}",
    )


def _is_guarded(change: Change) -> bool:
    if change.type.startswith(PROVIDER_PREFIX):
        return change.operation is Operation.REPLACE or not _DEFAULT_PROVIDER.fullmatch(change.name)
    if change.is_kubernetes:
        return change.kind in ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "Cluster", "Namespace")
    return change.type in _GENERATED


def _cause(change: Change) -> str:
    if change.operation is Operation.DELETE:
        return "no longer in the program"
    if not change.replaced_by:
        # The engine gives no reason for `replace_on_changes`, nor where the replacement of a dependency is the reason.
        paths = [difference.path for difference in differences(change)]
        return ", ".join(paths[:3]) or "something that it depends on is replaced"
    return ", ".join(_with_values(change, path) for path in change.replaced_by)


def _with_values(change: Change, path: str) -> str:
    """``spec.storageClassName (standard → fast)`` where both values are simple and may be shown."""
    steps = path.split(".")
    before, after = at(change.before, *steps), at(change.after, *steps)
    simple = all(value is None or isinstance(value, str | int) for value in (before, after))
    visible = known(change.before, *steps) and known(change.after, *steps)
    if not simple or not visible or before == after or steps[0] in change.secret_properties:
        return path
    old, new = ("not set" if value is None else shown(value, name=steps[-1]) for value in (before, after))
    return f"{path} ({old} → {new})"
