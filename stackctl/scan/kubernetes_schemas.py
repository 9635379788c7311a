"""kubernetes-validate: objects against the schemas of Kubernetes."""

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from .finding import Finding, Scan, ScanError
from .processes import from_package, installed_version, output

NAME = "kubernetes-validate"
NEWEST = 3
_VERSIONS = "import kubernetes_validate; print(*kubernetes_validate.utils.all_versions(), sep='\\n')"
_ERROR = re.compile(
    r"ERROR \S+ did not validate for resource (?P<kind>[^/ ]+)/(?P<name>\S+) against version (?P<what>.+)"
)
_NO_SCHEMA = re.compile(r"WARN (?P<file>\S+) (?P<what>.+)")
_FOUND_SOMETHING = 1


def scan(environment: str, files: Sequence[Path]) -> Scan:
    """Objects that violate the schemas of its three newest Kubernetes versions, unknown fields included.

    Raises:
        ScanError: it failed.
    """
    versions = newest(output([from_package("python"), "-c", _VERSIONS]).split())
    options = [option for version in versions for option in ("--kubernetes-version", version)]
    command: list[str | Path] = [
        from_package("python"),
        "-m",
        "kubernetes_validate",
        "--strict",
        "--quiet",
        *options,
        *files,
    ]
    lines = output(command, exit_codes=(0, _FOUND_SOMETHING)).splitlines()
    tool = f"{NAME} {installed_version(NAME)} ({', '.join(versions)})"
    return Scan(tool=tool, scope=environment, looked_at=len(files), findings=read(lines, files))


def newest(versions: Sequence[str]) -> list[str]:
    """The newest versions as ``major.minor``, oldest first.

    Raises:
        ScanError: there are fewer.
    """
    numbers = sorted({tuple(int(part) for part in version.split(".")[:2]) for version in versions})
    if len(numbers) < NEWEST:
        raise ScanError(f"{NAME} brings schemas of {len(numbers)} versions, {NEWEST} are wanted")
    return [".".join(map(str, number)) for number in numbers[-NEWEST:]]


def read(lines: Sequence[str], files: Sequence[Path]) -> tuple[Finding, ...]:
    """The findings in its output. An object without a schema is one: it was not checked.

    Raises:
        ScanError: a line says something else.
    """
    kinds = {kind.lower(): kind for kind in (_identity(file)[0] for file in files)}
    findings = []
    for line in lines:
        if error := _ERROR.fullmatch(line):
            subject = f"{kinds.get(error['kind'], error['kind'])}/{error['name']}"
            findings.append(Finding(subject=subject, rule="schema", what=error["what"], remedy=""))
        elif missing := _NO_SCHEMA.fullmatch(line):
            subject = "/".join(_identity(Path(missing["file"])))
            findings.append(Finding(subject=subject, rule="no-schema", what=missing["what"], remedy=""))
        else:
            raise ScanError(f"{NAME} said: {line}")
    return tuple(findings)


def _identity(file: Path) -> tuple[str, str]:
    manifest = yaml.safe_load(file.read_text())
    return manifest["kind"], manifest["metadata"]["name"]
