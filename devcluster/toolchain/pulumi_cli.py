"""The Pulumi CLI: the one on PATH, else the official download, else built from Go modules."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import semver

from host.directories import programs_directory
from host.locks import exclusive
from terminal.console import notices, step
from terminal.errors import LocalError

from .go_programs import PULUMI, build, missing
from .releases import can_be_downloaded

# The project is tested with this version; an older CLI on PATH is not used.
OLDEST = semver.VersionInfo.parse("3.259.0")
DOWNLOAD = semver.VersionInfo.parse("3.259.0")
DOWNLOAD_SECONDS = 300

# In a separate process, which can be ended if the network stops answering.
_INSTALL = (
    "import sys, semver; from pulumi.automation import PulumiCommand; "
    "PulumiCommand.install(sys.argv[1], semver.VersionInfo.parse(sys.argv[2]), skip_version_check=True)"
)


def pulumi_cli() -> Path:
    """The executable of the CLI.

    Raises:
        LocalError: the CLI could neither be downloaded nor built.
    """
    if installed := shutil.which("pulumi"):
        version = _version(installed)
        if version and version >= OLDEST:
            return Path(installed)
        notices.print(f"{installed} is version {version or 'unknown'}, older than {OLDEST}: it is not used")
    directory = programs_directory() / f"pulumi-download-{DOWNLOAD}"
    executable = directory / "bin" / "pulumi"
    with exclusive("pulumi-download", "downloads Pulumi"):
        if executable.exists() or (missing((PULUMI,)) and can_be_downloaded() and _download(directory)):
            return executable
    return build(PULUMI)


def _version(executable: str) -> semver.VersionInfo | None:
    try:
        text = subprocess.run(
            [executable, "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        return semver.VersionInfo.parse(text.strip().removeprefix("v"))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _download(directory: Path) -> bool:
    """Download the official release, with its language hosts, into ``directory``; whether that succeeded."""
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-c", _INSTALL, str(partial), str(DOWNLOAD)]
    try:
        with step(f"download the official Pulumi {DOWNLOAD}", 20):
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=True
            )
    except subprocess.TimeoutExpired:
        notices.print(f"the official download did not finish within {DOWNLOAD_SECONDS} s")
        return False
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()
        notices.print(f"the official download failed: {reason[-1] if reason else error.returncode}", markup=False)
        return False
    os.replace(partial, directory)
    return True


def installed_plugins(pulumi: Path) -> set[tuple[str, str]]:
    """Name and version of the installed resource plugins.

    Raises:
        LocalError: the CLI does not answer.
    """
    listed = subprocess.run(
        [str(pulumi), "plugin", "ls", "--json"],
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise LocalError(f"{pulumi} plugin ls failed:\n{listed.stderr}")
    plugins = json.loads(listed.stdout or "[]") or []
    return {(plugin["name"], plugin["version"]) for plugin in plugins if plugin["kind"] == "resource"}
