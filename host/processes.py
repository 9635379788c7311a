"""Processes of this machine, identified by their program: another process may have a stored process number by now."""

import contextlib
import os
import signal
from pathlib import Path

from .waiting import attempts

_PROC = Path("/proc")


def is_alive(process: int) -> bool:
    """Whether a process runs. A zombie, which its parent has not collected yet, does not."""
    try:
        return _stat(process)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def running_from(directory: Path) -> dict[int, str]:
    """Processes whose program was started from ``directory``, with the program's name."""
    return {process: program.name for process, program in _running() if program.parent == directory}


def directories_below(directory: Path) -> set[Path]:
    """Directories below ``directory`` that running programs were started from, deleted ones included."""
    return {program.parent for _, program in _running() if directory in program.parents}


def program_name(process: int) -> str | None:
    """Name of the program that a process runs; None when it is gone or belongs to another user."""
    program = _program(process)
    return program.name if program else None


def children() -> list[int]:
    """Child processes of this one that run."""
    own = os.getpid()
    processes = []
    for process in _all():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent = _stat(process)[:2]
            if int(parent) == own and state != "Z":
                processes.append(process)
    return processes


def end_all_from(directory: Path, seconds: float = 10) -> list[int]:
    """Kill the processes started from ``directory``; the ones that remain after ``seconds``."""
    killed = running_from(directory)
    for process in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for _ in attempts(seconds=seconds, every=0.1):
        # A process that ends has no program any more while it still has its ports.
        remaining = sorted(filter(is_alive, {*killed, *running_from(directory)}))
        if not remaining:
            break
    return remaining


def _running() -> list[tuple[int, Path]]:
    running = [(process, _program(process)) for process in _all() if is_alive(process)]
    return [(process, program) for process, program in running if program]


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(process: int) -> list[str]:
    """The fields of `proc_pid_stat(5)` after the program's name, which may hold any character: state, parent, …"""
    return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()


def _program(process: int) -> Path | None:
    try:
        command = (_PROC / str(process) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    program = command.split(b"\0", 1)[0]
    return Path(os.fsdecode(program)) if program else None
