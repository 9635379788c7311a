"""kube-score: best practices for objects, https://github.com/zegl/kube-score."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devcluster.toolchain.go_programs import KUBE_SCORE, build

from .finding import Finding, Scan, ScanError
from .processes import json_output

NAME = "kube-score"
# The oldest version that docs/getting-started/own-cluster.md names: its findings also apply to newer versions.
KUBERNETES = "v1.30"
_CRITICAL, _WARNING = 1, 5
_FOUND_SOMETHING = 1


def scan(environment: str, files: Sequence[Path]) -> Scan:
    """Critical findings and warnings about rendered objects.

    Raises:
        LocalError: it cannot be built.
        ScanError: it failed.
    """
    command: list[str | Path] = [
        build(KUBE_SCORE),
        "score",
        "--output-format",
        "json",
        "--kubernetes-version",
        KUBERNETES,
        *files,
    ]
    return read(environment, json_output(command, exit_codes=(0, _FOUND_SOMETHING)))


def read(environment: str, scored: Sequence[dict[str, Any]]) -> Scan:
    """The scan of kube-score's JSON.

    Raises:
        ScanError: it scored nothing.
    """
    if not scored:
        raise ScanError(f"{NAME} scored no object of {environment}")
    findings = tuple(
        Finding(
            subject=f"{thing['type_meta']['kind']}/{thing['object_meta']['name']}",
            rule=check["check"]["id"],
            what=_what(check),
            remedy=" ".join(dict.fromkeys(comment["description"] for comment in check["comments"] or ())),
        )
        for thing in scored
        for check in thing["checks"]
        if not check["skipped"] and check["grade"] <= _WARNING
    )
    return Scan(tool=f"{NAME} {_version()}", scope=environment, looked_at=len(scored), findings=findings)


def _what(check: dict[str, Any]) -> str:
    grade = "critical" if check["grade"] <= _CRITICAL else "warning"
    comments = (f"{comment['path']}: {comment['summary']}".removeprefix(": ") for comment in check["comments"] or ())
    return f"{grade}: {'; '.join(comments) or check['check']['comment']}"


def _version() -> str:
    # A program built from a module does not know its version; its go.mod does.
    module = Path(__file__).parents[2] / "devcluster" / "toolchain" / KUBE_SCORE.module / "go.mod"
    version = re.search(rf"github\.com/zegl/{NAME} v(\S+)", module.read_text())
    return version[1] if version else "of unknown version"
