"""checkov: security of objects, https://github.com/bridgecrewio/checkov."""

from pathlib import Path
from typing import Any

from .finding import Finding, Scan, ScanError
from .processes import from_package, json_output

NAME = "checkov"
_FOUND_SOMETHING = 1


def scan(environment: str, directory: Path) -> Scan:
    """Failed checks of rendered objects, without network access.

    Raises:
        ScanError: it failed, or could not read an object.
    """
    # fmt: off
    command: list[str | Path] = [
        from_package(NAME), "--directory", directory, "--framework", "kubernetes",
        "--output", "json", "--quiet", "--compact", "--skip-download",
    ]
    # fmt: on
    return read(environment, json_output(command, exit_codes=(0, _FOUND_SOMETHING)))


def read(environment: str, report: dict[str, Any]) -> Scan:
    """The scan of checkov's JSON.

    Raises:
        ScanError: it checked nothing, or could not read an object.
    """
    summary = report.get("summary", report)
    if not summary.get("resource_count") or not summary["passed"] + summary["failed"]:
        raise ScanError(f"{NAME} checked no object of {environment}")
    if summary["parsing_errors"]:
        raise ScanError(f"{NAME} could not read {summary['parsing_errors']} files of {environment}")
    findings = tuple(
        Finding(
            subject=_subject(check["resource"]),
            rule=check["check_id"],
            what=check["check_name"],
            remedy=check.get("guideline") or "",
        )
        for check in report.get("results", {}).get("failed_checks", ())
    )
    tool = f"{NAME} {summary['checkov_version']}"
    return Scan(tool=tool, scope=environment, looked_at=summary["resource_count"], findings=findings)


def _subject(resource: str) -> str:
    """``Kind/name`` of ``Kind.namespace.name``; a name may have dots."""
    kind, _, name = resource.split(".", 2)
    return f"{kind}/{name}"
