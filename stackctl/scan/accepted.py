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
    """Rules that some objects need not keep, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    because: str = Field(min_length=20)
    """The reason. It is about these objects, and it says what makes up for the rule."""

    rules: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Rules by scanner. Several where scanners ask for the same thing."""

    subjects: tuple[str, ...] = Field(min_length=1)
    """``Kind/name``, with ``*`` for any characters."""

    def covers(self, tool: str, finding: Finding) -> bool:
        """Whether a finding of a scanner is meant."""
        rules = self.rules.get(tool, ())
        return finding.rule in rules and any(fnmatchcase(finding.subject, subject) for subject in self.subjects)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A scan with what is accepted told from what is not."""

    scan: Scan
    """The scan."""

    open: tuple[Finding, ...]
    """Findings that nothing accepts."""

    accepted: int
    """Number of the others."""


def read_accepted(file: Path = FILE) -> list[Acceptance]:
    """The accepted findings of a file.

    Raises:
        ScanError: the file is not as it has to be.
    """
    try:
        return TypeAdapter(list[Acceptance]).validate_python(yaml.safe_load(file.read_text()) or [])
    except (ValidationError, yaml.YAMLError) as error:
        raise ScanError(f"{file.name}: {error}") from error


def judge(scan: Scan, accepted: Sequence[Acceptance]) -> Judged:
    """Tell the findings of a scan that are accepted from the others."""
    remaining = tuple(
        sorted(finding for finding in scan.findings if not any(a.covers(scan.name, finding) for a in accepted))
    )
    return Judged(scan=scan, open=remaining, accepted=len(scan.findings) - len(remaining))


def unused(scans: Sequence[Scan], accepted: Sequence[Acceptance]) -> list[str]:
    """Rules and subjects in `accepted` that no finding needs: the finding is mended, and so may be the reason."""
    found = [(scan.name, finding) for scan in scans for finding in scan.findings]
    left_over: list[str] = []
    for acceptance in accepted:
        used = [(tool, finding) for tool, finding in found if acceptance.covers(tool, finding)]
        rules = {(tool, finding.rule) for tool, finding in used}
        left_over += [
            f"{tool} {rule}" for tool, names in acceptance.rules.items() for rule in names if (tool, rule) not in rules
        ]
        left_over += [
            subject
            for subject in acceptance.subjects
            if not any(fnmatchcase(finding.subject, subject) for _, finding in used)
        ]
    return left_over
