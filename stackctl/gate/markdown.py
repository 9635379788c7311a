"""The comment: the summary for the reviewer first, then the property diffs, folded."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from .changes import Change, Operation
from .gate import Finding
from .marker import MARKER
from .markup import code, plain
from .report import Report
from .requested import Requested

LONGEST = 60_000
"""Most characters of a comment. GitHub accepts 65536."""

_COLUMNS = (Operation.CREATE, Operation.IMPORT, Operation.UPDATE, Operation.REPLACE, Operation.DELETE)
_ALWAYS = frozenset(_COLUMNS) - {Operation.IMPORT}
_MOST_NAMES = 4
_MOST_DIFFERENCES = 40
_MOST_OF_AN_ERROR = 3000
_GIBIBYTE = 2**30
_PIPE = r"\|"


def comment(reports: Sequence[Report], unused_labels: Sequence[str] = (), commit: str = "") -> str:
    """The comment on all environments.

    Args:
        reports: one for each environment, in the order in which they are shown.
        unused_labels: labels that are meant to allow something and do not.
        commit: the previewed commit, so that a reader recognizes an older comment.
    """
    of = [f"Preview of {code(commit)}."] if commit else []
    head = [MARKER, f"## {_headline(reports)}", *of, *_gate(reports, unused_labels)]
    bodies = [_environment(each) for each in reports]
    details = [_details(each) for each in reports]
    whole = _joined(head, bodies, details)
    if len(whole) <= LONGEST:
        return whole
    note = ["_The property diffs are too long for a comment: see the log of the preview._"]
    return _cut(_joined(head, bodies, [note if each else [] for each in details]))


def _cut(text: str) -> str:
    """The text, truncated at the end of a line if it is too long."""
    if len(text) <= LONGEST:
        return text
    note = "\n\n_The rest is too long for a comment: see the log of the preview._\n"
    kept = text[: LONGEST - len(note) - len("\n```")].rpartition("\n")[0]
    fence = "\n```" if kept.count("```") % 2 else ""
    return f"{kept}{fence}{note}"


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
    if interrupted := [each.environment for each in reports if any(r.interruption for r in each.rollouts)]:
        return f"✅ Nothing dangerous, but requests are interrupted in {' and '.join(interrupted)}"
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
        labels = ", ".join(code(label) for label in unused_labels)
        blocks.append(f"These labels do not allow anything here: {labels}.")
    return blocks


def _finding(finding: Finding) -> str:
    mark = "⚠️" if finding.allowed else "⛔"
    allow = code(finding.label) if finding.label else f"none: {finding.remedy}"
    what, cause = plain(finding.what), plain(finding.cause)
    return _row([f"{mark} {finding.environment}", code(finding.resource), what, cause, allow])


def _environment(each: Report) -> list[str]:
    counts = [(op, sum(change.operation is op for change in each.changed)) for op in _COLUMNS]
    summary = ", ".join(f"{number} {op}" for op, number in counts if number) or "no changes"
    blocks = [f"### `{each.environment}`: {summary}"]
    if each.errors:
        text = "\n".join(_shortened(error) for error in each.errors).replace("```", "'''")
        warning = ", so the following may be incomplete" if each.changed else ""
        blocks += [f"The preview failed{warning}:", f"```text\n{text}\n```"]
    if each.changed:
        blocks += [_table(each.changed), "\n".join([*_at_stake(each), *_protection(each), *_unchanged_sums(each)])]
        blocks += _sums(each)
    elif protection := list(_protection(each)):
        blocks.append("\n".join(protection))
    return blocks


def _shortened(error: str) -> str:
    # The error is at the end of a Python traceback, and at the beginning of a message of the API server.
    half = _MOST_OF_AN_ERROR // 2
    return error if len(error) <= _MOST_OF_AN_ERROR else f"{error[:half]}\n…\n{error[-half:]}"


def _table(changed: tuple[Change, ...]) -> str:
    columns = [op for op in _COLUMNS if op in _ALWAYS or any(change.operation is op for change in changed)]
    rows = [_row(["Component", *(op.capitalize() for op in columns)]), f"|---|{'---|' * len(columns)}"]
    for component in dict.fromkeys(change.component for change in changed):
        cells = [
            _names([change.label for change in changed if change.component == component and change.operation is op])
            for op in columns
        ]
        rows.append(_row([plain(component), *cells]))
    return "\n".join(rows)


def _names(labels: Sequence[str]) -> str:
    shown = ", ".join(code(label) for label in labels[:_MOST_NAMES])
    more = len(labels) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _at_stake(each: Report) -> Iterable[str]:
    if each.is_new:
        yield f"- **New:** nothing is deployed so far; {_count(each.pods, 'pod')} will run"
        return
    if not each.rollouts:
        yield "- **Pods:** none restarts"
    for rollout in each.rollouts:
        why = f" ({plain('; '.join(rollout.why))})" if rollout.why else ""
        yield f"- **Pods:** {code(rollout.workload)}, {_count(rollout.pods, 'pod')}: {rollout.how}{why}"
    interrupted = [f"{code(r.workload)}: {r.interruption}" for r in each.rollouts if r.interruption]
    yield f"- **Requests:** {'; '.join(interrupted) or 'served throughout'}"
    yield f"- **Data:** {'; '.join(each.data) or 'no volume changes'}"
    for version in each.versions:
        yield f"- **Version:** {version.product} {plain(version.before)} → {plain(version.after)}: {version.note}"


def _protection(each: Report) -> Iterable[str]:
    if each.unprotected:
        yield f"- **Protection:** removed from {_names(each.unprotected)}"
    if each.protected:
        yield f"- **Protection:** set on {_names(each.protected)}"


_Line = tuple[str, Decimal, Decimal, Callable[[Decimal], str]]


def _lines(each: Report) -> list[_Line]:
    """Requests before and after the update, by resource; without the resources that are not requested."""
    before, after = each.before, each.after
    lines: list[_Line] = [
        ("CPU", before.cpu, after.cpu, _cores),
        ("Memory", before.memory, after.memory, _bytes),
        ("Storage", before.storage, after.storage, _bytes),
    ]
    if _scales(before) or _scales(after):
        lines.insert(1, ("CPU, autoscaler at its most", before.most_cpu, after.most_cpu, _cores))
        lines.insert(3, ("Memory, autoscaler at its most", before.most_memory, after.most_memory, _bytes))
    return [line for line in lines if line[1] or line[2]]


def _what(each: Report) -> str:
    return "Requested" if each.whole_stack else "Requested by what changes"


def _unchanged_sums(each: Report) -> Iterable[str]:
    lines = _lines(each)
    if lines and all(old == new for _, old, new, _ in lines):
        amounts = ", ".join(f"{name} {unit(new)}" for name, _, new, unit in lines)
        yield f"- **{_what(each)}:** as before ({amounts})"


def _sums(each: Report) -> list[str]:
    lines = _lines(each)
    if all(old == new for _, old, new, _ in lines):
        return []
    rows = [_row([_what(each), "Before", "After", ""]), "|---|---|---|---|"]
    for name, old, new, unit in lines:
        difference = "" if old == new else f"{'+' if new > old else '-'}{unit(abs(new - old))}"
        rows.append(_row([name, unit(old), unit(new), difference]))
    return ["\n".join(rows)]


def _scales(sums: Requested) -> bool:
    return (sums.most_cpu, sums.most_memory) != (sums.cpu, sums.memory)


def _details(each: Report) -> list[str]:
    if not each.differences:
        return []
    lines: list[str] = []
    for change, listed in each.differences:
        lines.append(f"  {change.operation} {change.label}")
        for difference in listed[:_MOST_DIFFERENCES]:
            if difference.lines:
                lines += [f"  {difference.path}:", *difference.lines]
            if difference.before is not None and not difference.lines:
                lines.append(f"- {difference.path}: {difference.before}")
            if difference.after is not None and not difference.lines:
                lines.append(f"+ {difference.path}: {difference.after}")
        if len(listed) > _MOST_DIFFERENCES:
            lines.append(f"  … and {len(listed) - _MOST_DIFFERENCES} properties more")
    text = "\n".join(lines).replace("```", "'''")
    summary = f"<summary>Property diffs of {_count(len(each.differences), 'resource')} in {each.environment}</summary>"
    return [f"<details>{summary}\n\n```diff\n{text}\n```\n\n</details>"]


def _cores(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _bytes(amount: Decimal) -> str:
    return f"{float(amount) / _GIBIBYTE:.2f} GiB".replace(".00 ", " ")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', _PIPE) for cell in cells)} |"
