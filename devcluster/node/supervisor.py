"""`python -m devcluster.node.supervisor`: process 1 of the node, whose mounts and processes end with it.

Started by `processes.start`, with the node's configuration written and its network namespace made.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from host.waiting import attempts

from .configuration import CONTAINERD_SOCKET

_SOCKET_SECONDS = 20


def main(arguments: list[str]) -> None:
    """Run the programs of a node until one of them ends.

    Args:
        arguments: a JSON file with ``logs`` (directory) and ``programs`` (name to command line), containerd first.
    """
    plan = json.loads(Path(arguments[0]).read_text())
    signal.signal(signal.SIGTERM, _end)
    _own_mounts()
    running: dict[int, str] = {}
    for name, command in plan["programs"].items():
        running[_start(command, Path(plan["logs"]) / f"{name}.log")] = name
        if name == "containerd":
            _wait_for_containerd()
    # Processes that lost their parent come to process 1, which has to collect them.
    while True:
        process, status = os.wait()
        if process in running:
            sys.exit(f"{running[process]} ended with {os.waitstatus_to_exitcode(status)}: the node ends with it")


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit("asked to end")


def _own_mounts() -> None:
    """Give the node file systems of its own where containerd, the network plugins and the kubelet write by default."""
    _mount("--make-rshared", "/")
    for directory in ("/run", "/var/lib/cni"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", directory)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, timeout=30)


def _start(command: list[str], log: Path) -> int:
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).pid


def _wait_for_containerd() -> None:
    for _ in attempts(seconds=_SOCKET_SECONDS, every=0.1):
        if Path(CONTAINERD_SOCKET).exists():
            return
    sys.exit(f"containerd has not opened {CONTAINERD_SOCKET} within {_SOCKET_SECONDS} s")


if __name__ == "__main__":
    main(sys.argv[1:])
