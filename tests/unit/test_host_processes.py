"""Processes found by their program, stale locks, and what happens to a signal while the engine runs."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from host import processes
from host import signals as interruption
from host.signals import passed_to_the_engine
from stackctl.engine.stale_locks import remove_stale_locks

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Function that runs `sleep` under another name, from `tmp_path/bin`."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str) -> "subprocess.Popen[bytes]":
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        shutil.copy("/bin/sleep", program)
        # A shell without job control lets what it starts in the background ignore Ctrl-C.
        listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        started.append(subprocess.Popen([program, "60"], preexec_fn=listening))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_processes_are_found_by_their_program(start: Start, tmp_path: Path) -> None:
    etcd, other = start("etcd"), start("kwok")
    assert processes.running_from(tmp_path / "bin") == {etcd.pid: "etcd", other.pid: "kwok"}
    assert processes.running_from(tmp_path) == {}
    assert processes.program_name(etcd.pid) == "etcd"
    assert {etcd.pid, other.pid} <= set(processes.children())


def test_a_process_that_has_ended_does_not_run(start: Start, tmp_path: Path) -> None:
    process = start("etcd")
    process.kill()
    # Not collected yet: a zombie.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(process.pid)
    assert processes.running_from(tmp_path / "bin") == {}
    process.wait()
    assert not processes.is_alive(process.pid)


def test_all_of_a_directory_are_ended_and_no_other(start: Start, tmp_path: Path) -> None:
    etcd = start("etcd")
    assert processes.end_all_from(tmp_path / "elsewhere") == []
    assert etcd.poll() is None
    assert processes.end_all_from(tmp_path / "bin") == []
    assert etcd.wait() == -signal.SIGKILL


def test_a_killed_process_that_has_no_program_any_more_is_awaited(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the kernel frees its memory it has no command line, but its ports."""
    etcd = start("etcd")
    answers = iter([{etcd.pid: "etcd"}])
    monkeypatch.setattr(processes, "running_from", lambda _: next(answers, {}))
    monkeypatch.setattr(os, "kill", lambda *_: None)
    assert processes.end_all_from(tmp_path / "bin", seconds=0.3) == [etcd.pid]


@pytest.fixture
def lock(tmp_path: Path) -> Callable[[int, str], Path]:
    """Function that writes a lock as the engine does."""

    def write(process: int, host: str) -> Path:
        file = tmp_path / ".pulumi" / "locks" / "organization" / "project" / "dev" / "0a1b.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"pid": process, "username": "me", "hostname": host, "timestamp": "2026-01-01"}))
        return file

    return write


def test_the_lock_of_an_engine_that_runs_stays(start: Start, lock: Callable[[int, str], Path], tmp_path: Path) -> None:
    held = lock(start("pulumi").pid, socket.gethostname())
    assert not remove_stale_locks(tmp_path)
    assert held.exists()


def test_the_lock_of_an_engine_that_is_gone_is_removed(
    start: Start, lock: Callable[[int, str], Path], tmp_path: Path
) -> None:
    engine = start("pulumi")
    engine.kill()
    engine.wait()
    stale = lock(engine.pid, socket.gethostname())
    assert remove_stale_locks(tmp_path)
    assert not stale.exists()


def test_a_number_that_another_program_has_by_now_is_no_holder(
    start: Start, lock: Callable[[int, str], Path], tmp_path: Path
) -> None:
    lock(start("editor").pid, socket.gethostname())
    assert remove_stale_locks(tmp_path)


def test_the_lock_of_another_machine_stays(lock: Callable[[int, str], Path], tmp_path: Path) -> None:
    lock(1, "another-machine")
    assert not remove_stale_locks(tmp_path)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals as a command has them that was started neither in the background nor by `nohup`; no terminal."""
    monkeypatch.setattr(interruption, "_at_a_terminal", lambda: False)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_engine_runs_is_passed_to_it(number: signal.Signals, start: Start) -> None:
    before = signal.getsignal(number)
    engine, other = start("pulumi"), start("kubectl")
    with passed_to_the_engine() as stop:
        assert not stop.happened
        os.kill(os.getpid(), number)
        assert engine.wait(timeout=10) == -signal.SIGINT
        assert stop.happened
        assert other.poll() is None
    assert signal.getsignal(number) == before


@pytest.mark.usefixtures("stopped")
def test_at_a_terminal_ctrl_c_reaches_the_engine_by_itself(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one would end it at once."""
    monkeypatch.setattr(interruption, "_at_a_terminal", lambda: True)
    sent: list[None] = []
    monkeypatch.setattr(interruption, "_interrupt_engine", lambda: sent.append(None))
    engine = start("pulumi")
    with passed_to_the_engine() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert (stop.happened, sent) == (True, [])
        os.kill(os.getpid(), signal.SIGTERM)
        assert sent == [None]
    assert engine.poll() is None


@pytest.mark.usefixtures("stopped")
def test_nohup_outlives_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for handled in (passed_to_the_engine, interruption.as_ctrl_c):
        with handled():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
