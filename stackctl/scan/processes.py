"""Scanners as programs: run one, read its JSON."""

import json
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from stack_config.files import ROOT

from .finding import ScanError

PACKAGES = ROOT / ".venv-scan" / "bin"
LIMIT_SECONDS = 300


def from_package(name: str) -> str:
    """Path of a scanner's program in the scanners' virtual environment.

    Raises:
        ScanError: the program is not installed.
    """
    program = PACKAGES / name
    if not program.exists():
        raise ScanError(f"{program.relative_to(ROOT)} is missing. Install the scanners: make .venv-scan/ready")
    return str(program)


def output(command: Sequence[str | Path], *, exit_codes: Collection[int] = (0,)) -> str:
    """Standard output of a program.

    Args:
        command: program and arguments.
        exit_codes: those of a completed scan, with or without findings.

    Raises:
        ScanError: it ended with another exit code, or not within five minutes.
    """
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ScanError(f"{program} did not end within {LIMIT_SECONDS} s") from error
    if done.returncode not in exit_codes:
        raise ScanError(f"{program} ended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def json_output(command: Sequence[str | Path], *, exit_codes: Collection[int] = (0,)) -> Any:
    """As `output`, read as JSON.

    Raises:
        ScanError: as `output`, or it is not JSON.
    """
    text = output(command, exit_codes=exit_codes)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScanError(f"{Path(command[0]).name} did not answer in JSON: {text[:200]!r}") from error


def installed_version(package: str) -> str:
    """Version of a package in the scanners' environment."""
    interpreter = from_package("python")
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    return output([interpreter, "-c", code, package]).strip()
