"""The comment: what a reviewer has to know on top, the property diffs folded away."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from .changes import Change, Operation
from .gate import Finding
from .report import Report
from .requested import Requested

MARKER = "<!-- open-webui-stack-preview -->"
"""First line of the comment, invisible: whoever posts it looks for it, and updates that comment."""

LONGEST = 60_000
"""Characters of a comment. GitHub takes 65536."""

_COLUMNS = (Operation.CREATE, Operation.IMPORT, Operation.UPDATE, Operation.REPLACE, Operation.DELETE)
_ALWAYS = frozenset(_COLUMNS) - {Operation.IMPORT}
_MOST_NAMES = 4
_MOST_DIFFERENCES = 40
_GIBIBYTE = 2**30


def comment(reports: Sequence[Report], unused_labels: Sequence[str] = ()) -> str:
    """The comment on all environments.

    Args:
        reports: one for each environment, in the order in which they are shown.
        unused_labels: labels that are meant to allow something, and allow nothing.
    """
    head = [MARKER, f"## {_headline(reports)}", *_gate(reports, unused_labels)]
    bodies = [_environment(each) for each in reports]
    details = [_details(each) for each in reports]
    whole = _joined(head, bodies, details)
    if len(whole) <= LONGEST:
        return whole
    note = ["_The property diffs are too long for a comment: see the log of the preview._"]
    return _joined(head, bodies, [note if each else [] for each in details])[:LONGEST]


def _joined(head: list[str], bodies: list[list[str]], details: list[list[str]]) -> str:
    blocks = [*head]
    for body, detail in zip(bodies, details, strict=True):
        blocks += [*body, *detail]
    return "\n\n".join(blocks) + "\n"


def _headline(reports: Sequence[Report]) -> str:
    failed = [each.environment for each in reports if each.errors]
    open_findings = sum(not finding.allowed for each in reports for finding in each.findings)
    allowed = sum(finding.allowed for each in reports for finding in each.findings)
    if open_findings:
        too = f"; the preview of {' and '.join(failed)} failed" if failed else ""
        return f"⛔ Blocked: {_count(open_findings, 'dangerous change')}{too}"
    if failed:
        return f"❌ The preview of {' and '.join(failed)} failed"
    if allowed:
        return f"⚠️ {_count(allowed, 'dangerous change')}, allowed by label"
    if any(each.changed for each in reports):
        return "✅ Nothing dangerous"
    return "✅ No changes"


def _gate(reports: Sequence[Report], unused_labels: Sequence[str]) -> list[str]:
    findings = [finding for each in reports for finding in each.findings]
    blocks = []
    if findings:
        rows = ["| | Resource | What happens | Cause | Allowed by the label |", "|---|---|---|---|---|"]
        rows += [_finding(finding) for finding in findings]
        blocks.append("\n".join(rows))
    if unused_labels:
        labels = ", ".join(f"`{label}`" for label in unused_labels)
        blocks.append(f"These labels allow nothing here: {labels}.")
    return blocks


def _finding(finding: Finding) -> str:
    mark = "⚠️" if finding.allowed else "⛔"
    allow = f"`{finding.label}`" if finding.label else f"none: {finding.remedy}"
    cells = [f"{mark} {finding.environment}", f"`{finding.resource}`", finding.what, finding.cause, allow]
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _environment(each: Report) -> list[str]:
    counts = [(op, sum(change.operation is op for change in each.changed)) for op in _COLUMNS]
    told = ", ".join(f"{number} {op}" for op, number in counts if number) or "no changes"
    blocks = [f"### `{each.environment}`: {told}"]
    if each.errors:
        text = "\n".join(each.errors).replace("```", "'''")
        blocks += ["The preview failed, so that what follows may not be all:", f"```text\n{text}\n```"]
    if each.changed:
        blocks += [_table(each.changed), "\n".join(_at_stake(each))]
        blocks += _sums(each)
    elif each.unprotected:
        blocks.append(_protection(each))
    return blocks


def _table(changed: tuple[Change, ...]) -> str:
    columns = [op for op in _COLUMNS if op in _ALWAYS or any(change.operation is op for change in changed)]
    rows = [
        f"| Component | {' | '.join(op.capitalize() for op in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for component in dict.fromkeys(change.component for change in changed):
        cells = [
            _names([change.label for change in changed if change.component == component and change.operation is op])
            for op in columns
        ]
        rows.append(f"| {component} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _names(labels: Sequence[str]) -> str:
    shown = ", ".join(f"`{label}`" for label in labels[:_MOST_NAMES])
    more = len(labels) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _at_stake(each: Report) -> Iterable[str]:
    if not each.rollouts:
        yield "- **Pods:** none restarts"
    for rollout in each.rollouts:
        why = f" ({_inline('; '.join(rollout.why))})" if rollout.why else ""
        yield f"- **Pods:** `{rollout.workload}`, {_count(rollout.pods, 'pod')}: {rollout.how}{why}"
    interrupted = [f"`{r.workload}`: {r.interruption}" for r in each.rollouts if r.interruption]
    yield f"- **Requests:** {'; '.join(interrupted) or 'served throughout'}"
    yield f"- **Data:** {'; '.join(each.data) or 'no volume is touched'}"
    for version in each.versions:
        yield f"- **Version:** {version.product} {_inline(version.before)} → {_inline(version.after)}: {version.note}"
    if each.unprotected:
        yield _protection(each)


def _protection(each: Report) -> str:
    return f"- **Protection:** removed from {_names(each.unprotected)}"


def _sums(each: Report) -> list[str]:
    before, after = each.before, each.after
    lines: list[tuple[str, Decimal, Decimal, Callable[[Decimal], str]]] = [
        ("CPU", before.cpu, after.cpu, _cores),
        ("Memory", before.memory, after.memory, _bytes),
        ("Storage", before.storage, after.storage, _bytes),
    ]
    if _scales(before) or _scales(after):
        lines.insert(1, ("CPU, autoscaler at its most", before.most_cpu, after.most_cpu, _cores))
        lines.insert(3, ("Memory, autoscaler at its most", before.most_memory, after.most_memory, _bytes))
    what = "Requested" if each.whole_stack else "Requested by what changes"
    rows = [f"| {what} | Before | After | |", "|---|---|---|---|"]
    if not any(old or new for _, old, new, _ in lines):
        return []
    for name, old, new, unit in lines:
        difference = "" if old == new else f"{'+' if new > old else '-'}{unit(abs(new - old))}"
        rows.append(f"| {name} | {unit(old)} | {unit(new)} | {difference} |")
    return ["\n".join(rows)]


def _scales(sums: Requested) -> bool:
    return (sums.most_cpu, sums.most_memory) != (sums.cpu, sums.memory)


def _details(each: Report) -> list[str]:
    if not each.differences:
        return []
    lines: list[str] = []
    for change, found in each.differences:
        lines.append(f"  {change.operation} {change.label}")
        for difference in found[:_MOST_DIFFERENCES]:
            if difference.lines:
                lines += [f"  {difference.path}:", *difference.lines]
            if difference.before is not None and not difference.lines:
                lines.append(f"- {difference.path}: {difference.before}")
            if difference.after is not None and not difference.lines:
                lines.append(f"+ {difference.path}: {difference.after}")
        if len(found) > _MOST_DIFFERENCES:
            lines.append(f"  … and {len(found) - _MOST_DIFFERENCES} properties more")
    text = "\n".join(lines).replace("```", "'''")
    summary = f"<summary>Property diffs of {_count(len(each.differences), 'resource')} in {each.environment}</summary>"
    return [f"<details>{summary}\n\n```diff\n{text}\n```\n\n</details>"]


def _cores(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _bytes(amount: Decimal) -> str:
    return f"{float(amount) / _GIBIBYTE:.2f} GiB".replace(".00 ", " ")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _inline(text: str) -> str:
    """Text from the preview between the comment's own: nothing in it is markup."""
    return text.replace("`", "'").replace("<", "&lt;").replace("\n", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
