"""actionlint and zizmor: errors and security of workflows, https://github.com/rhysd/actionlint, https://docs.zizmor.sh."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devcluster.toolchain.go_programs import ACTIONLINT, build
from stack_config.files import ROOT

from .finding import Finding, Scan, ScanError
from .processes import from_package, installed_version, json_output, output

SCOPE = "workflows"
_ACTIONLINT_FOUND_SOMETHING = 1
# One for each severity: https://docs.zizmor.sh/usage/#exit-codes
_ZIZMOR_FOUND_SOMETHING = (10, 11, 12, 13, 14)


def workflows(root: Path = ROOT) -> list[Path]:
    """The workflow files.

    Raises:
        ScanError: there is no workflow.
    """
    files = sorted((root / ".github" / "workflows").glob("*.yml"))
    if not files:
        raise ScanError(f"{root / '.github' / 'workflows'} holds no workflow")
    return files


def scan(root: Path = ROOT) -> list[Scan]:
    """The findings of both in the workflows, without network access.

    Raises:
        LocalError: actionlint cannot be built.
        ScanError: one of them failed, or there is no workflow.
    """
    files = workflows(root)
    actionlint = build(ACTIONLINT)
    # Programs that happen to be on PATH would make the answer depend on the machine.
    errors = json_output(
        [actionlint, "-format", "{{json .}}", "-shellcheck=", "-pyflakes=", *files],
        exit_codes=(0, _ACTIONLINT_FOUND_SOMETHING),
    )
    zizmor: list[str | Path] = [
        from_package("zizmor"),
        "--format",
        "json-v1",
        "--offline",
        "--quiet",
        "--strict-collection",
        root,
    ]
    audits = json_output(zizmor, exit_codes=(0, *_ZIZMOR_FOUND_SOMETHING))
    version = output([actionlint, "-version"]).split()[0]
    return [
        Scan(tool=f"actionlint {version}", scope=SCOPE, looked_at=len(files), findings=_of_actionlint(errors)),
        Scan(
            tool=f"zizmor {installed_version('zizmor')}",
            scope=SCOPE,
            looked_at=len(files),
            findings=_of_zizmor(audits),
        ),
    ]


def _of_actionlint(errors: Sequence[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            subject=f"{Path(error['filepath']).name}:{error['line']}",
            rule=error["kind"],
            what=error["message"],
            remedy="",
        )
        for error in errors
    )


def _of_zizmor(audits: Sequence[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            subject=_place(audit["locations"]),
            rule=audit["ident"],
            what=f"{audit['determinations']['severity'].lower()}: {audit['desc']}",
            remedy=audit["url"],
        )
        for audit in audits
    )


def _place(locations: Sequence[dict[str, Any]]) -> str:
    primary = next((place for place in locations if place["symbolic"]["kind"] == "Primary"), locations[0])
    file = primary["symbolic"]["key"]["Local"]["verbatim_path"]
    return f"{Path(file).name}:{primary['concrete']['location']['start_point']['row'] + 1}"
