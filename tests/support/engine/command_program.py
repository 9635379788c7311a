"""Programs that the Pulumi CLI runs itself: in YAML with its language host, in Go as an executable."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation import EngineEvent
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from tests.support.engine.foreign_program import COMMAND_SECONDS, STACK, ForeignProgram
from tests.support.engine.stack import Run

_COMMANDS: Mapping[str, list[str]] = {
    "preview": ["preview"],
    "up": ["up", "--yes", "--skip-preview"],
    "destroy": ["destroy", "--yes", "--skip-preview"],
}


class CommandProgram(ForeignProgram):
    """A program that is run by the commands of the CLI."""

    def _run(self, command: str, run: Run, *flags: str) -> bool:
        log = self.directory / "events.jsonl"
        log.write_text("")
        done = subprocess.run(
            ["pulumi", *_COMMANDS[command], "--event-log", str(log), "--stack", STACK, "--non-interactive", *flags],
            cwd=self.directory,
            # The option of the log belongs to the commands for debugging.
            env={**os.environ, **self.variables, "PULUMI_DEBUG_COMMANDS": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        run.text += [done.stdout, done.stderr]
        for line in log.read_text().splitlines():
            run.observe(EngineEvent.from_json(json.loads(line)))
        if done.returncode:
            run.errors = run.errors or [done.stdout + done.stderr]
        return done.returncode == 0


class YamlProgram(CommandProgram):
    """A program in YAML, which is its project file."""

    def __init__(self, file: Path, directory: Path, variables: Mapping[str, str], host: Path) -> None:
        """Make the stack.

        Args:
            file: its `Pulumi.yaml`.
            directory: an empty one.
            variables: environment variables of the engine.
            host: the language host for YAML.
        """
        path = f"{host.parent}:{variables['PATH']}"
        super().__init__(directory, {**variables, "PATH": path}, project=file.read_text())


class GoProgram(CommandProgram):
    """A compiled Go program."""

    def __init__(self, executable: Path, directory: Path, variables: Mapping[str, str]) -> None:
        """Make the stack.

        Args:
            executable: the program.
            directory: an empty one.
            variables: environment variables of the engine.
        """
        super().__init__(directory, variables)
        self._executable = executable

    def _run(self, command: str, run: Run, *flags: str) -> bool:
        with _served(_Executable(self._executable, self.directory, run.text.append)) as address:
            return super()._run(command, run, *flags, f"--client={address}")


class _Executable(LanguageServer):
    """The language host of a program that is compiled, because that for Go has no Go module here.

    It starts the program with the variables from which the SDK for Go reads where the engine is.
    """

    def __init__(self, executable: Path, directory: Path, output: Callable[[str], None]) -> None:
        super().__init__(lambda: None)
        self._executable = executable
        self._directory = directory
        self._output = output

    def Run(self, request: Any, _: Any) -> Any:  # noqa: N802
        variables = {
            "PULUMI_PROJECT": request.project,
            "PULUMI_ROOT_DIRECTORY": str(self._directory),
            "PULUMI_ORGANIZATION": request.organization,
            "PULUMI_STACK": request.stack,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            "PULUMI_DRY_RUN": str(request.dryRun).lower(),
            "PULUMI_PARALLEL": str(request.parallel),
            "PULUMI_MONITOR": request.monitor_address,
            "PULUMI_ENGINE": request.args[0],
        }
        done = subprocess.run(
            [str(self._executable)],
            cwd=self._directory,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        self._output(done.stdout + done.stderr)
        error = f"the program ended with {done.returncode}: {done.stderr}" if done.returncode else ""
        return language_pb2.RunResponse(error=error)


@contextmanager
def _served(host: LanguageServer) -> Iterator[str]:
    """The address of a language host."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0)
