"""The commands of `stackctl` on the node of a test run."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.toolchain.go_programs import kubectl
from host.directories import cache_directory, images_directory, programs_directory
from stack_config.files import ROOT
from stackctl.deployed.kubectl import Kubectl
from stackctl.deployed.stack import Stack

UP_SECONDS = 900


def cache_with_what_is_built(cache: Path) -> Path:
    """A cache with a state of its own, which shares the built programs and images of the machine's."""
    cache.mkdir(exist_ok=True)
    for directory in (programs_directory(), images_directory(), cache_directory() / "pulumi"):
        link = cache / directory.name
        if directory.exists() and not link.exists():
            link.symlink_to(directory)
    return cache


def sql(stack: Stack, statements: str, seconds: float = 60) -> str:
    """What PostgreSQL answers the application's role within that time."""
    words = ("psql", "-U", "ragsystemuser", "-d", "ragsystemdb", "-qtAc", statements)
    return stack.kubectl.run("exec", "postgres-0", "-c", "postgres", "--", *words, seconds=seconds).strip()


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node and the config its stack has."""

    environment: Mapping[str, str]
    """Variables of every command."""

    sets: dict[str, str] = field(
        default_factory=lambda: {"openWebui.replicas": "3", "openWebui.resources.requests.cpu": "100m"}
    )
    """Config over that of dev; a test that adds to it leaves it for those after it.

    With dev's own request a fourth web pod, as every update has it for a moment, finds no place on two cores.
    """

    secret_files: dict[str, str] = field(default_factory=dict)
    """Secret keys of the config and files with their values."""

    def up(self) -> float:
        """Deploy with the config as it is; seconds it took."""
        started = time.monotonic()
        self.stackctl(*self._up())
        return time.monotonic() - started

    def up_again_after(self, message: str) -> None:
        """Deploy with the config as it is, and again if the first run fails with this message."""
        done = self.run(*self._up())
        if done.returncode != 0:
            assert message in done.stderr, done.stderr[-2000:]
            self.up()

    @contextmanager
    def own(self) -> Iterator[None]:
        """While the body runs the config may change; afterwards it is as before, and the cluster is deleted."""
        before = dict(self.sets)
        try:
            yield
        finally:
            self.sets.clear()
            self.sets.update(before)
            self.secret_files.clear()
            self.stackctl("down")

    def start(self) -> None:
        """Start the cluster without deploying anything, as a preview does."""
        self.stackctl("preview", "--cluster", "node")

    def refused_up(self) -> str:
        """Deploy where the update has to fail; what it printed."""
        return self.refused(*self._up())

    def refused(self, *arguments: str) -> str:
        """Output of a command of `stackctl`, which must fail."""
        done = self.run(*arguments)
        assert done.returncode != 0, f"{' '.join(arguments)} was not refused"
        return done.stdout + done.stderr

    def _up(self) -> list[str]:
        sets = [part for key, value in self.sets.items() for part in ("--set", f"{key}={value}")]
        secrets = [part for key, file in self.secret_files.items() for part in ("--secret-file", f"{key}={file}")]
        return ["up", "--cluster", "node", *sets, *secrets]

    def stack(self) -> Stack:
        """The deployed stack, for kubectl."""
        kubeconfig = Path(self.stackctl("kubeconfig").strip())
        return Stack(Kubectl(program=str(kubectl()), namespace="rag-system", kubeconfig=kubeconfig))

    def verify(self) -> str:
        """Output of `make verify`."""
        return self.stackctl("verify", "--env", "dev")

    def backup(self, command: str, *arguments: str) -> str:
        """Output of `make backup` (``run``), `make backups` (``list``) or `make restore`."""
        words = [command] if command == "restore" else ["backup", command]
        return self.stackctl(*words, "--env", "dev", *arguments)

    def stackctl(self, *arguments: str) -> str:
        """Output of a command of `stackctl`, which must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command of `stackctl` that runs, the leader of its process group."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, "-m", "stackctl", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of `stackctl` that has ended, with whatever exit code."""
        return subprocess.run(
            [sys.executable, "-m", "stackctl", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=False,
        )
