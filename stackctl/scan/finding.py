"""What a scanner found."""

from dataclasses import dataclass


class ScanError(Exception):
    """A scanner could not do its work; the message is all that is printed."""


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One rule that one object does not keep."""

    subject: str
    """``Kind/name`` of the object, or the file and line of a workflow."""

    rule: str
    """Identifier of the rule, as the scanner's own documentation has it."""

    what: str
    """What is wrong, in the scanner's words."""

    remedy: str
    """What the scanner says to do; empty where it does not."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one scanner said about one environment, or about the files that belong to none."""

    tool: str
    """Name of the scanner with its version."""

    scope: str
    """Environment, or what else was looked at."""

    looked_at: int
    """Objects or files. Never 0: a scanner that read nothing has passed nothing."""

    findings: tuple[Finding, ...]
    """What it found, accepted or not."""

    @property
    def name(self) -> str:
        """Name of the scanner without its version."""
        return self.tool.partition(" ")[0]
