"""Findings of a scanner."""

from dataclasses import dataclass

from terminal.errors import NothingCheckedError


class ScanError(NothingCheckedError):
    """A scanner failed."""


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One rule that one object violates."""

    subject: str
    """``Kind/name`` of the object, or the file and line of a workflow."""

    rule: str
    """Identifier of the rule, as the scanner's own documentation has it."""

    what: str
    """The violation, in the scanner's words."""

    remedy: str
    """The fix that the scanner proposes; empty where it proposes none."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The result of one scanner on one environment, or on the files that belong to none."""

    tool: str
    """Name of the scanner with its version."""

    scope: str
    """Environment, or name of the group of files."""

    looked_at: int
    """Objects or files. Never 0: a scanner that read nothing has passed nothing."""

    findings: tuple[Finding, ...]
    """Its findings, accepted ones included."""

    @property
    def name(self) -> str:
        """Name of the scanner without its version."""
        return self.tool.partition(" ")[0]
