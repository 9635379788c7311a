"""kubectl on one cluster: works on any stack, deployed by `make up` or by pulumi."""

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
    """A command failed; the message is kubectl's last line."""


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
        """Run a command and return its output.

        Args:
            arguments: of kubectl.
            stdin: standard input. Secrets go here: every user of the machine can see command lines.
            seconds: timeout.

        Raises:
            KubectlError: it failed, or timed out.
        """
        try:
            done = subprocess.run(
                self.command(*arguments),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                # Ctrl-C at the terminal must not reach kubectl: this process uses it to clean up.
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"no answer within {seconds:g} s") from error
        if done.returncode:
            raise KubectlError(_last_line(done.stderr) or f"kubectl {arguments[0]} failed")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """The object, or list of objects, of `kubectl get`.

        Raises:
            KubectlError: the object does not exist, or the cluster does not answer.
        """
        answer: dict[str, Any] = json.loads(self.run("get", *arguments, "-o", "json"))
        return answer

    def apply(self, manifest: dict[str, Any]) -> None:
        """Create an object, or change it to this."""
        self.run("apply", "-f", "-", stdin=json.dumps(manifest))

    def python(self, pod: str, script: Path, config: dict[str, Any], *, container: str, seconds: float = 60) -> Any:
        """Run a script with the Python of a pod, and return its output, which is JSON.

        Args:
            pod: name of the pod.
            script: file. It reads ``config`` from the variable ``CONFIG``.
            config: plain values. Secrets are allowed, because they are passed through standard input.
            container: of the pod.
            seconds: timeout.

        Raises:
            KubectlError: it failed; the message is the last line of its errors.
        """
        command = ("exec", "-i", pod, "-c", container, "--", "python", "-")
        output = self.run(*command, stdin=program(script, config), seconds=seconds)
        try:
            return json.loads(output)
        except ValueError as error:
            # Without the output: it may contain a secret.
            raise KubectlError(f"{script.name} in {pod} ended without a result") from error

    @contextmanager
    def python_running(
        self, pod: str, script: Path, config: dict[str, Any], *, container: str
    ) -> Iterator[subprocess.Popen[str]]:
        """Like `python`, but runs the script while the body runs. The body reads the output of the script from the
        process."""
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
        """The command for a shell, with cluster and namespace; a further ``-n`` overrides the namespace."""
        # A machine without kubectl has the one that was built for the cluster.
        program = "kubectl" if shutil.which("kubectl") else self.program
        return shlex.join([program, *self._where(), "-n", self.namespace])

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return [self.program, *self._where(), f"--namespace={self.namespace}", *arguments]

    def _where(self) -> list[str]:
        where = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return where + ([f"--context={self.context}"] if self.context else [])


def _last_line(errors: str) -> str:
    """The reason of a failure, without the line in which kubectl reports the exit code."""
    lines = [line for line in errors.strip().splitlines() if not line.startswith("command terminated with")]
    return lines[-1] if lines else ""


def program(script: Path, config: dict[str, Any]) -> str:
    """Text of a script, preceded by its config."""
    return f"import json\nCONFIG = json.loads({json.dumps(json.dumps(config))})\n{script.read_text()}"
