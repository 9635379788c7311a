"""`policy/serve`, the pack as an executable."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stack_config.files import ROOT


def served(directory: Path, python: str | None) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "policy" / "serve", directory)
    if python:
        interpreter = directory / ".venv" / "bin" / "python"
        interpreter.parent.mkdir(parents=True)
        interpreter.write_text(f"#!/bin/sh\n{python}\n")
        interpreter.chmod(0o755)
    command = [str(directory / "serve"), "127.0.0.1:1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("python", [None, "exit 1"], ids=["no environment", "an empty one"])
def test_a_pack_without_its_environment_says_how_to_make_it(tmp_path: Path, python: str | None) -> None:
    done = served(tmp_path, python)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"{tmp_path}/.venv is missing or lacks pulumi_policy\nfix:   (cd {tmp_path} && pulumi install)" in done.stderr
    )


def test_with_its_environment_the_engines_address_is_handed_on(tmp_path: Path) -> None:
    done = served(tmp_path, 'echo "$@"')
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "-u -m pulumi.policy 127.0.0.1:1 ."
