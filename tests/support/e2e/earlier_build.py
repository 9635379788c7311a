"""An earlier revision of this repository, deployed by its own commands onto a node that is there."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from devcluster.toolchain.go_programs import kubectl
from devcluster.toolchain.pulumi_cli import pulumi_cli
from host.directories import CACHE_VARIABLE
from tests.support.e2e.node import UP_SECONDS

CHECKOUT_VARIABLE = "E2E_BEFORE"
"""Environment variable with a checkout of an earlier revision of this repository."""

NAMESPACE = "rag-before"
_COMMANDS = ("stackctl", "local")
"""Packages with the command line, the newest name first."""


def deploy(checkout: Path, kubeconfig: Path, cache: Path, sets: Mapping[str, str]) -> None:
    """Deploy it to a namespace of its own.

    Args:
        checkout: its files.
        kubeconfig: of the node.
        cache: directory for its state. Not that of this revision: each removes what the other has built.
        sets: config over that of dev.
    """
    context = yaml.safe_load(kubeconfig.read_text())["current-context"]
    environment = {**os.environ, CACHE_VARIABLE: str(cache), "KUBECONFIG": str(kubeconfig), "PATH": _search_path()}
    try:
        done = subprocess.run(
            command(checkout, context, {**sets, "namespace": NAMESPACE}),
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # Its message has the whole command.
        raise AssertionError(f"not deployed after {UP_SECONDS} s") from None
    assert done.returncode == 0, f"{checkout}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def command(checkout: Path, context: str, sets: Mapping[str, str]) -> list[str]:
    """The command that deploys a checkout to a context, with its own environment for Python if it has one."""
    own = checkout / ".venv/bin/python"
    [package, *_] = [name for name in _COMMANDS if (checkout / name).is_dir()]
    python = str(own) if own.exists() else sys.executable
    options = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
    return [python, "-m", package, "up", "--env", "dev", "--cluster", context, *options]


def revision(directory: Path) -> str:
    """Commit of a checkout and its date, and whether files differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(directory), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    changed = ", with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return git("log", "-1", "--format=%h of %cs") + changed


def _search_path() -> str:
    """This revision's CLI and kubectl, so that the earlier one builds none."""
    return os.pathsep.join([str(pulumi_cli().parent), str(kubectl().parent), os.environ.get("PATH", os.defpath)])
