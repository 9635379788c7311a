"""Reads the previews of several environments, writes one comment, and lists the changes that the gate stops."""

import sys
from collections.abc import Sequence
from pathlib import Path

from terminal.errors import UsageError
from terminal.invocation import command_line

from .gate import ALLOWING
from .markdown import comment
from .model import Preview, PreviewError, parse
from .report import Report, report, unreadable, unused_labels


def review(
    previews: Sequence[str], *, out: Path | None, labels: frozenset[str], production: frozenset[str], commit: str
) -> list[str]:
    """Write the comment, and return the reasons to stop: one text for each failed preview and each dangerous change.

    Args:
        previews: ``ENV=FILE``; ``-`` is stdin.
        out: file for the comment; None for stdout.
        labels: of the pull request.
        production: environments in which the disruption budgets must be kept.
        commit: of the previews, named in the comment.

    Raises:
        UsageError: a preview cannot be read, or the comment cannot be written.
    """
    reports: list[Report] = []
    refusals: list[str] = []
    for name, file in _files(previews):
        try:
            reports.append(report(name, _read(file), production=name in production, labels=labels))
        except (PreviewError, OSError, UnicodeDecodeError) as error:
            again = command_line("preview", env=name, json=file)
            refusals.append(f"{name}={file}: {_why(error)}. Write it again: {again}")
            # The comment says so as well: otherwise the pull request keeps the comment on an earlier commit.
            reports.append(unreadable(name, f"the file of the preview cannot be read: {_why(error)}"))
    text = comment(reports, unused_labels(reports, labels), commit)
    if out:
        try:
            out.write_text(text)
        except OSError as error:
            raise UsageError(f"--out {out}: {error.strerror}") from error
    else:
        sys.stdout.write(text)
    if refusals:
        raise UsageError("\n".join(refusals))
    return _blocks(reports)


def _files(previews: Sequence[str]) -> list[tuple[str, str]]:
    files: dict[str, str] = {}
    for argument in previews:
        name, equals, file = argument.partition("=")
        if not (name and equals and file):
            raise UsageError(f"{argument}: expected ENV=FILE, for example prod=prod.json")
        if name in files:
            raise UsageError(f"{argument}: {name} is named twice")
        if not ALLOWING.fullmatch(f"allow-replace:{name}/any"):
            raise UsageError(f"{argument}: the name of an environment has letters, digits, '.', '_' and '-'")
        files[name] = file
    if list(files.values()).count("-") > 1:
        raise UsageError("only one preview can be read from stdin")
    return list(files.items())


def _why(error: PreviewError | OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, PreviewError) else "it is not a text file"


def _read(file: str) -> Preview:
    return parse(sys.stdin.read() if file == "-" else Path(file).read_text())


def _blocks(reports: list[Report]) -> list[str]:
    lines = [f"{each.environment}: the preview failed: {error}" for each in reports for error in each.errors]
    for each in reports:
        for finding in each.findings:
            if not finding.allowed:
                allow = f"to allow it: --labels {finding.label}" if finding.label else f"to do: {finding.remedy}"
                lines.append(f"{each.environment}: {finding.resource} {finding.what}\n  {finding.cause}\n  {allow}")
    return lines
