"""A user's machine as far as `python -m stackctl` can tell: a cache, a home and a kubeconfig of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devcluster.clusters.control_plane import build_programs
from devcluster.clusters.kwok import PLANE
from host.directories import CACHE_VARIABLE, programs_directory
from host.processes import is_alive, program_name, running_from
from stack_config.files import ROOT
from tests.support.engine.pulumi_commands import pulumi_home

USERS_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: mine
contexts: [{name: mine, context: {cluster: mine, user: me}}]
clusters: [{name: mine, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: of-the-user}}]
"""

COMMAND_SECONDS = 900
"""A command that has not ended by then hangs: the toolchain is built before."""


class Machine:
    """Runs the commands of `stackctl` in processes of their own."""

    def __init__(self, directory: Path) -> None:
        """Make an empty machine on which the toolchain is installed.

        Args:
            directory: an empty one for all that the commands write.
        """
        build_programs(PLANE.programs)
        self.cache = directory / "cache"
        self.home_kubeconfig = directory / "home" / ".kube" / "config"
        self.kubeconfig = directory / "kubeconfig"
        self.home_kubeconfig.parent.mkdir(parents=True)
        for file in (self.home_kubeconfig, self.kubeconfig):
            file.write_text(USERS_KUBECONFIG)
        self.cache.mkdir()
        (directory / "pulumi-home").mkdir()
        (self.cache / "programs").symlink_to(programs_directory())
        self.environment = {
            **os.environ,
            "PULUMI_HOME": str(pulumi_home(directory / "pulumi-home")),
            CACHE_VARIABLE: str(self.cache),
            "HOME": str(directory / "home"),
            "KUBECONFIG": str(self.kubeconfig),
            "COLUMNS": "200",
        }

    def stackctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m stackctl` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "stackctl", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def succeed(self, *arguments: str) -> str:
        """Standard output of a command that must succeed."""
        done = self.stackctl(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that has been started; it is ended with the block."""
        with subprocess.Popen(
            [sys.executable, "-m", "stackctl", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def state(self, environment: str) -> dict[str, Any]:
        """The checkpoint of a stack as it is at this moment; empty before there is one."""
        file = self.cache / "state" / ".pulumi" / "stacks" / "open-webui-stack" / f"{environment}.json"
        try:
            return dict(json.loads(file.read_text())["checkpoint"].get("latest") or {})
        except (FileNotFoundError, ValueError):
            return {}

    def cluster_processes(self, environment: str) -> set[int]:
        """Processes of an environment's cluster that run."""
        cluster = self.cache / "kwok" / "clusters" / f"open-webui-stack-{environment}"
        noted = {int(file.read_text()) for file in (cluster / "pids").glob("*.pid")}
        return {process for process in noted if is_alive(process)} | set(running_from(cluster / "bin"))


def engine_of(command: subprocess.Popen[bytes]) -> int:
    """The engine that a running command has started.

    Raises:
        AssertionError: it has not, or not only one.
    """
    # proc_pid_task(5): each thread has the children that it started.
    lists = Path(f"/proc/{command.pid}/task").glob("*/children")
    started = [int(process) for file in lists for process in file.read_text().split()]
    (engine,) = [process for process in started if program_name(process) == "pulumi"]
    return engine
