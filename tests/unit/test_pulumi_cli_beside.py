"""The build of the Pulumi CLI beside those of other programs: when it begins, and that nothing of it is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.toolchain import pulumi_cli
from devcluster.toolchain.pulumi_cli import pulumi_cli_beside
from host.directories import CACHE_VARIABLE


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two cores and no CLI. Returns the directory on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[bytes]"]:
    """The processes that were started. Each takes half a second."""
    processes: list[subprocess.Popen[bytes]] = []
    run = subprocess.Popen

    def popen(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        assert command == [sys.executable, "-m", "devcluster.toolchain.pulumi_cli"]
        program = [sys.executable, "-c", "import time; time.sleep(0.5)"]
        processes.append(run(program, **options))  # type: ignore[call-overload]
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return processes


def test_it_begins_before_the_others_and_is_awaited(
    started: list["subprocess.Popen[bytes]"], capsys: pytest.CaptureFixture[str]
) -> None:
    with pulumi_cli_beside():
        [process] = started
        assert process.poll() is None
    assert process.returncode == 0
    notices = capsys.readouterr().err
    assert notices.startswith("The Pulumi CLI is built at the same time.\n")
    assert "✓ build the Pulumi CLI" in notices


def test_it_ends_with_a_failure_of_the_others(started: list["subprocess.Popen[bytes]"]) -> None:
    with pytest.raises(ValueError, match="no space left"), pulumi_cli_beside():
        raise ValueError("no space left")
    [process] = started
    assert process.returncode not in (None, 0)


@pytest.mark.parametrize("reason", ["one core", "on PATH", "built"])
def test_without_a_core_or_a_need_for_it_nothing_begins(
    started: list["subprocess.Popen[bytes]"], machine: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "one core":
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
    elif reason == "on PATH":
        (machine / "pulumi").write_text("#!/bin/sh\n")
        (machine / "pulumi").chmod(0o755)
    else:
        monkeypatch.setattr(pulumi_cli, "missing", lambda _: [])
    with pulumi_cli_beside():
        pass
    assert started == []
