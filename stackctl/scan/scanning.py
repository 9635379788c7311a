"""Runs every scanner on every environment, and compares its findings with the accepted ones."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stack_config.files import environments
from stack_config.load import ConfigError
from terminal.errors import nothing_checked

from ..render.manifests import render
from . import checkov, kube_score, kubernetes_schemas, workflow_checks
from .accepted import FILE, Judged, judge, read_accepted, unused
from .finding import Scan


def scan(names: Sequence[str], sets: Sequence[str]) -> bool:
    """Print the findings of the scanners. Returns whether no finding is open.

    Args:
        names: environments; empty for all.
        sets: config over the environments'.

    Raises:
        NothingCheckedError: a scanner failed, or the objects cannot be rendered.
    """
    accepted = read_accepted()
    scans: list[Scan] = []
    findings = 0
    with nothing_checked(ConfigError):
        for one in _scans(names or environments(), sets):
            scans.append(one)
            judged = judge(one, accepted)
            findings += len(judged.open)
            print("\n".join(_lines(judged)), flush=True)
    # With some of the environments or with another config, an accepted finding may be missing.
    stale = [] if names or sets else unused(scans, accepted)
    for entry in stale:
        print(f"{FILE.name}: {entry} is accepted but no longer found: remove it")
    return not (findings or stale)


def _scans(names: Sequence[str], sets: Iterable[str]) -> Iterator[Scan]:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="scan-") as directory:
            files = render(name, Path(directory), sets)
            yield kube_score.scan(name, files)
            yield kubernetes_schemas.scan(name, files)
            yield checkov.scan(name, Path(directory))
    yield from workflow_checks.scan()


def _lines(judged: Judged) -> Iterator[str]:
    scan = judged.scan
    mark = "✗" if judged.open else "✓"
    accepted = f", {judged.accepted} accepted" if judged.accepted else ""
    yield f"{mark} {scan.tool}  {scan.scope}: {scan.looked_at} looked at, {len(judged.open)} findings{accepted}"
    for finding in judged.open:
        yield f"    {finding.subject}  {finding.rule}  {finding.what}"
        if finding.remedy:
            yield f"        {finding.remedy}"
