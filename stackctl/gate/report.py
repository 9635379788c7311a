"""The contents of the comment about one environment."""

from collections.abc import Iterable
from dataclasses import dataclass

from pulumi_values.urns import without_urns

from ..redaction import redact
from .changes import Change, Operation, changes
from .gate import Finding, findings, unprotected
from .markup import code
from .model import Diagnostic, Preview
from .policies import policy_findings
from .property_diff import Difference, differences
from .requested import Requested, requested
from .rollouts import Rollout, rollouts
from .versions import VersionChange, version_changes
from .volumes import detachments
from .workloads import both_sides, key


@dataclass(frozen=True, kw_only=True)
class Report:
    """One environment."""

    environment: str
    changed: tuple[Change, ...]
    """Resources that change, in the order of the preview."""

    errors: tuple[str, ...]
    """Why the preview failed. The report of a failed preview may be incomplete."""

    findings: tuple[Finding, ...]
    versions: tuple[VersionChange, ...]
    rollouts: tuple[Rollout, ...]
    data: tuple[str, ...]
    """Consequences for the stored data."""

    unprotected: tuple[str, ...]
    """Resources that lose their protection."""

    protected: tuple[str, ...]
    """Existing resources that gain protection."""

    is_new: bool
    """Whether no resource of the stack is deployed yet."""

    pods: int
    """Pods that run after the update, with every autoscaler at its minimum."""

    before: Requested
    after: Requested
    whole_stack: bool
    """Whether the sums cover the whole stack, or only the resources that change."""

    differences: tuple[tuple[Change, tuple[Difference, ...]], ...]

    @property
    def blocked(self) -> bool:
        """Whether the gate stops the change."""
        return bool(self.errors) or any(not finding.allowed for finding in self.findings)


def report(environment: str, preview: Preview, *, production: bool, labels: frozenset[str] = frozenset()) -> Report:
    """The report on a preview.

    Args:
        environment: its name.
        preview: what the engine printed.
        production: whether the disruption budgets are kept, too.
        labels: labels of the pull request.

    Raises:
        PreviewError: a step cannot be judged.
    """
    listed = changes(preview)
    changed = tuple(change for change in listed if change.changes)
    before, after = requested(listed)
    steps_same = sum(1 for step in preview.steps if step.op == "same")
    whole_stack = steps_same >= preview.change_summary.get("same", 0)
    dangerous = findings(
        listed, environment, production=production, complete=whole_stack or bool(preview.errors), labels=labels
    )
    if whole_stack and not preview.errors:
        dangerous += policy_findings(listed, environment, production=production)
    return Report(
        environment=environment,
        changed=changed,
        errors=tuple(dict.fromkeys(redact(without_urns(error)) for error in preview.errors)),
        findings=tuple(dangerous),
        versions=tuple(version_changes(listed)),
        rollouts=tuple(rollouts(listed)),
        data=tuple(_data_at_stake(changed)),
        unprotected=tuple(change.label for change in unprotected(listed)),
        protected=tuple(
            change.label for change in listed if change.before and change.protected_after > change.protected_before
        ),
        is_new=whole_stack and not any(change.before for change in listed),
        pods=sum(workload.fewest for workload in both_sides(listed)[1].values()),
        before=before,
        after=after,
        whole_stack=whole_stack,
        differences=tuple(
            (change, tuple(differences(change)))
            for change in changed
            if change.operation in (Operation.UPDATE, Operation.REPLACE)
        ),
    )


def unreadable(environment: str, why: str) -> Report:
    """The report on a preview that cannot be read. It contains only that error."""
    return report(
        environment,
        Preview(diagnostics=[Diagnostic(message=why, severity="error")]),
        production=False,
    )


def unused_labels(reports: Iterable[Report], labels: Iterable[str]) -> list[str]:
    """Labels that are meant to allow something and do not: outdated or misspelled ones."""
    used = {finding.label for each in reports for finding in each.findings}
    return sorted(label for label in set(labels) if label.lower().startswith("allow") and label not in used)


def _data_at_stake(changed: tuple[Change, ...]) -> Iterable[str]:
    before, _ = both_sides(changed)
    for detachment in detachments(changed):
        yield f"{code(detachment.change.label)} starts without the PVC {code(detachment.claim)}"
    for change in changed:
        if not change.destroys:
            continue
        stays = ", its volume is kept" if change.retained else ""
        if change.kind == "PersistentVolumeClaim":
            yield f"{code(change.label)} is deleted{stays}"
        elif change.kind == "Namespace":
            yield f"{code(change.label)} is deleted with everything in it"
        elif change.kind == "StatefulSet" and before[key(change)].spec.get("volumeClaimTemplates"):
            yield f"{code(change.label)} has PVCs from templates: the new one may start with empty volumes"
