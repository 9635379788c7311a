"""Servers of the tests: what ends with them."""

import signal
from pathlib import Path

from host.processes import is_alive
from tests.support.servers.server_process import kill_container, running, wait_until


def test_the_children_of_a_killed_container_are_gone(tmp_path: Path) -> None:
    """A rewrite of Redis's file goes on in a child: it wrote into the directory that the next server had already."""
    numbers = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {numbers}; sleep 60 & echo $! >> {numbers}; wait"
    command = ["bash", "-c", script]
    with running(
        command, directory=tmp_path, log=tmp_path / "log", stop_signal=signal.SIGTERM, as_container_user=False
    ) as process:
        wait_until(lambda: numbers.exists() and len(numbers.read_text().split()) == 2, "two children")
        children = [int(number) for number in numbers.read_text().split()]
        assert all(map(is_alive, children))
        kill_container(process)
        assert process.returncode == -signal.SIGKILL
        assert not any(map(is_alive, children))
