"""kubectl on one cluster: how the checks reach a stack, whoever deployed it."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminal.errors import LocalError


class KubectlError(LocalError):
    """A command failed; the message is the last line of kubectl's."""


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl with its cluster and namespace."""

    program: str
    """The executable."""

    namespace: str
    """Namespace of the stack."""

    kubeconfig: Path | None = None
    """A kubeconfig; None for the user's own."""

    context: str | None = None
    """Context in it; None for its current one."""

    def run(self, *arguments: str, stdin: str = "", seconds: float = 60) -> str:
        """Run a command and return what it printed.

        Args:
            arguments: of kubectl.
            stdin: given to it; the way for secrets, which a command line would show to everybody on the machine.
            seconds: time it may take.

        Raises:
            KubectlError: it failed, or took longer.
        """
        try:
            done = subprocess.run(
                self.command(*arguments),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                # Ctrl-C at the terminal is for this process, which cleans up with kubectl.
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"no answer within {seconds:g} s") from error
        if done.returncode:
            raise KubectlError(_last_line(done.stderr) or f"kubectl {arguments[0]} failed")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """The object, or list of objects, that `kubectl get` finds.

        Raises:
            KubectlError: there is none of that name, or the cluster does not answer.
        """
        found: dict[str, Any] = json.loads(self.run("get", *arguments, "-o", "json"))
        return found

    def apply(self, manifest: dict[str, Any]) -> None:
        """Create an object, or change it to this."""
        self.run("apply", "-f", "-", stdin=json.dumps(manifest))

    def python(self, pod: str, script: Path, config: dict[str, Any], *, container: str, seconds: float = 60) -> Any:
        """Run a script with the Python of a pod; what it prints is JSON.

        Args:
            pod: name of the pod.
            script: file; it finds ``config`` as the variable ``CONFIG``.
            config: plain values, secrets allowed: they reach the pod through its standard input.
            container: of the pod.
            seconds: time it may take.

        Raises:
            KubectlError: it failed; the message is the last line it printed.
        """
        command = ("exec", "-i", pod, "-c", container, "--", "python", "-")
        said = self.run(*command, stdin=program(script, config), seconds=seconds)
        try:
            return json.loads(said)
        except ValueError as error:
            # Not what it said: that may be a secret.
            raise KubectlError(f"{script.name} in {pod} ended without a result") from error

    @contextmanager
    def python_running(
        self, pod: str, script: Path, config: dict[str, Any], *, container: str
    ) -> Iterator[subprocess.Popen[str]]:
        """As `python`, while the body runs; the body reads from the process what the script prints."""
        command = self.command("exec", "-i", pod, "-c", container, "--", "python", "-")
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        ) as process:
            try:
                assert process.stdin
                process.stdin.write(program(script, config))
                process.stdin.close()
                process.stdin = None
                yield process
            finally:
                process.kill()

    def shown(self) -> str:
        """How a person would write it, to be pasted into a shell; a further ``-n`` means another namespace."""
        # Where there is none on PATH, one was built for the cluster.
        program = "kubectl" if shutil.which("kubectl") else self.program
        return shlex.join([program, *self._where(), "-n", self.namespace])

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return [self.program, *self._where(), f"--namespace={self.namespace}", *arguments]

    def _where(self) -> list[str]:
        where = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return where + ([f"--context={self.context}"] if self.context else [])


def _last_line(errors: str) -> str:
    """What went wrong, without kubectl's own remark that something did."""
    lines = [line for line in errors.strip().splitlines() if not line.startswith("command terminated with")]
    return lines[-1] if lines else ""


def program(script: Path, config: dict[str, Any]) -> str:
    """Text of a script that knows its config."""
    return f"import json\nCONFIG = json.loads({json.dumps(json.dumps(config))})\n{script.read_text()}"
