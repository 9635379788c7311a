"""The Pulumi CLI: the one on PATH, else the official download, else built from Go modules."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import semver
from pulumi.automation import PulumiCommand

from ..console import notices, step
from ..directories import programs_directory
from ..errors import LocalError
from .go_programs import PULUMI, build, missing

# The version the project is tested with; an older one on PATH is not used.
OLDEST = semver.VersionInfo.parse("3.259.0")
DOWNLOAD = semver.VersionInfo.parse("3.259.0")
DOWNLOAD_SECONDS = 300


def pulumi_cli() -> Path:
    """The executable to use.

    Raises:
        LocalError: none could be had.
    """
    if found := shutil.which("pulumi"):
        version = _version(found)
        if version and version >= OLDEST:
            return Path(found)
        notices.print(f"{found} is version {version or 'unknown'}, older than {OLDEST}: it is left alone and not used")
    downloaded = programs_directory() / f"pulumi-download-{DOWNLOAD}"
    if (executable := downloaded / "bin" / "pulumi").exists():
        return executable
    if missing((PULUMI,)) and _download(downloaded):
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
    """Whether the official release could be downloaded, with the languages' hosts, into ``directory``."""
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        with step(f"look for the official Pulumi {DOWNLOAD}"):
            pool.submit(PulumiCommand.install, str(partial), DOWNLOAD).result(timeout=DOWNLOAD_SECONDS)
        os.replace(partial, directory)
    except (Exception, FutureTimeoutError) as error:
        # The installer fails in as many ways as networks do; there is another way to go on.
        reason = str(error).strip().splitlines()
        notices.print(f"the official download cannot be had ({reason[-1] if reason else type(error).__name__})")
        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return True


def installed_plugins(pulumi: Path) -> set[tuple[str, str]]:
    """Name and version of the resource plugins in Pulumi's own directory.

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
