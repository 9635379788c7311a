"""What `make` alone lists, and how it makes its virtual environments."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

from components.open_webui.settings import OpenWebUISettings
from devcluster.clusters.choice import Kind
from stack_config.files import ROOT

SCRIPT = ROOT / "scripts" / "make_venv.py"


def test_make_alone_lists_every_target_and_every_kind_of_cluster() -> None:
    listed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    phony = re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^  (\S+) +\S", listed, re.MULTILINE) == phony
    (clusters,) = re.findall(r"CLUSTER=(\S+)", listed)
    assert set(clusters.split("|")) >= {"auto", *get_args(Kind)} - {"context"}


def test_the_gate_runs_every_part_of_make_test_and_e2e() -> None:
    (parts,) = re.findall(r"^test: (.+?) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (targets,) = re.findall(r"^for target in (.+); do$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert targets.split() == [*parts.split(), "e2e"]


def test_two_that_need_the_virtual_environment_make_it_once(tmp_path: Path) -> None:
    directory, requirements = tmp_path / "venv", tmp_path / "requirements.txt"
    directory.mkdir()
    requirements.touch()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command: list[str | Path] = [sys.executable, SCRIPT, directory, requirements, "1 s"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as second:
            assert second.stderr
            assert second.stderr.readline() == f"waiting: another command creates {directory}\n"
            (directory / "ready").touch()
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert second.stderr.read() == ""
    assert second.returncode == 0
    assert {path.name for path in directory.iterdir()} == {"lock", "ready"}


def test_a_virtual_environment_that_cannot_be_filled_is_not_ready(tmp_path: Path) -> None:
    directory, requirements = tmp_path / "venv", tmp_path / "requirements.txt"
    requirements.touch()
    (directory / "bin").mkdir(parents=True)
    # What `-m venv` would make, with a pip that has no network.
    pip = directory / "bin" / "python"
    pip.write_text("#!/bin/sh\nexit 1\n")
    pip.chmod(0o755)
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "venv.py").write_text("")
    command: list[str | Path] = [sys.executable, SCRIPT, directory, requirements, "1 s"]
    environment = {**os.environ, "PYTHONPATH": str(stub)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"… install {requirements} into {directory} (usually 1 s)\n"
    assert not (directory / "ready").exists()


def test_the_open_webui_that_the_tests_run_is_the_stacks_release() -> None:
    pinned = (ROOT / "requirements-open-webui.txt").read_text().splitlines()
    assert pinned[0] == f"open-webui=={OpenWebUISettings().version} \\", "run: make requirements"
