"""Findings that are accepted, each with its reason: `accepted.yaml` beside this file."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .finding import Finding, Scan, ScanError

FILE = Path(__file__).with_name("accepted.yaml")


class Acceptance(BaseModel):
    """Rules that some objects may violate, and the reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    because: str = Field(min_length=20)
    """The reason: what protects these objects instead of the rule."""

    rules: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Rules by scanner. Several where scanners have the same rule."""

    subjects: tuple[str, ...] = Field(min_length=1)
    """``Kind/name``, with ``*`` for any characters."""

    def covers(self, tool: str, finding: Finding) -> bool:
        """Whether it accepts a finding of a scanner."""
        rules = self.rules.get(tool, ())
        return finding.rule in rules and any(fnmatchcase(finding.subject, subject) for subject in self.subjects)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A scan, its accepted findings separated from the open ones."""

    scan: Scan
    """The scan."""

    open: tuple[Finding, ...]
    """Findings that are not accepted."""

    accepted: int
    """Number of accepted findings."""


def read_accepted(file: Path = FILE) -> list[Acceptance]:
    """The accepted findings of a file.

    Raises:
        ScanError: the file is invalid.
    """
    try:
        return TypeAdapter(list[Acceptance]).validate_python(yaml.safe_load(file.read_text()) or [])
    except (ValidationError, yaml.YAMLError) as error:
        raise ScanError(f"{file.name}: {error}") from error


def judge(scan: Scan, accepted: Sequence[Acceptance]) -> Judged:
    """Separate the accepted findings of a scan from the open ones."""
    remaining = tuple(
        sorted(finding for finding in scan.findings if not any(a.covers(scan.name, finding) for a in accepted))
    )
    return Judged(scan=scan, open=remaining, accepted=len(scan.findings) - len(remaining))


def unused(scans: Sequence[Scan], accepted: Sequence[Acceptance]) -> list[str]:
    """Rules and subjects in `accepted` that match no finding any more, because it is fixed."""
    findings = [(scan.name, finding) for scan in scans for finding in scan.findings]
    stale: list[str] = []
    for acceptance in accepted:
        used = [(tool, finding) for tool, finding in findings if acceptance.covers(tool, finding)]
        rules = {(tool, finding.rule) for tool, finding in used}
        stale += [
            f"{tool} {rule}" for tool, names in acceptance.rules.items() for rule in names if (tool, rule) not in rules
        ]
        stale += [
            subject
            for subject in acceptance.subjects
            if not any(fnmatchcase(finding.subject, subject) for _, finding in used)
        ]
    return stale
