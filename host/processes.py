"""Processes of this machine, found by the program they run and never by a number that another may have by now."""

import contextlib
import os
import signal
import time
from pathlib import Path

_PROC = Path("/proc")


def is_alive(process: int) -> bool:
    """Whether a process runs. One that has ended but was not yet collected by its parent does not."""
    try:
        return _stat(process)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def running_from(directory: Path) -> dict[int, str]:
    """Processes whose program was started from ``directory``, with the program's name."""
    return {process: program.name for process, program in _running() if program.parent == directory}


def directories_below(directory: Path) -> set[Path]:
    """Directories below ``directory`` that running programs were started from, whether these are still there or not."""
    return {program.parent for _, program in _running() if directory in program.parents}


def program_name(process: int) -> str | None:
    """Name of the program that a process runs; None when it is gone or may not be asked."""
    program = _program(process)
    return program.name if program else None


def children() -> list[int]:
    """Processes that this one has started and that still run."""
    own = os.getpid()
    found = []
    for process in _all():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent = _stat(process)[:2]
            if int(parent) == own and state != "Z":
                found.append(process)
    return found


def end_all_from(directory: Path, seconds: float = 10) -> list[int]:
    """End the processes started from ``directory``; those that are still there after ``seconds``."""
    for process in running_from(directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while (left := list(running_from(directory))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _running() -> list[tuple[int, Path]]:
    found = [(process, _program(process)) for process in _all() if is_alive(process)]
    return [(process, program) for process, program in found if program]


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(process: int) -> list[str]:
    """State and parent first: what follows the program's name, which may hold any character, in `proc_pid_stat(5)`."""
    return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()


def _program(process: int) -> Path | None:
    try:
        command = (_PROC / str(process) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    program = command.split(b"\0", 1)[0]
    return Path(os.fsdecode(program)) if program else None
