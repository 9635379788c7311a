"""Programs in other languages that use the component package, run by the real engine."""

import json
import os
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi import automation
from pulumi.automation import EngineEvent

from plugin.names import PACKAGE
from stack_config.files import ROOT
from tests.support.engine.pulumi_commands import skip_summaries
from tests.support.engine.stack import Run

EXAMPLES = ROOT / "docs" / "examples" / "component-package"
PROJECT, STACK = "chat", "dev"
_PROJECT_FILE = yaml.safe_dump({"name": PROJECT, "runtime": "yaml"})
COMMAND_SECONDS = 300


def install_provider(directory: Path) -> Path:
    """A directory for PATH with the provider of the package.

    The engine starts `PulumiPlugin.yaml` with the language host for Python, which has no Go module. An executable on
    PATH is started without one, with the same program and the same arguments.
    """
    script = directory / f"pulumi-resource-{PACKAGE}"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "plugin"))} "$@"\n')
    script.chmod(0o755)
    return directory


def provider_variables(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment of the engine, with the provider of the package.

    Args:
        environment: without it.
        directory: where the provider is installed.
    """
    return {**environment, "PATH": f"{install_provider(directory)}:{environment['PATH']}"}


class ForeignProgram:
    """A stack of a program that is not this project's."""

    def __init__(self, directory: Path, variables: Mapping[str, str], project: str = _PROJECT_FILE) -> None:
        """Make the stack, with nothing deployed.

        Args:
            directory: an empty one, for the project file and the config.
            variables: environment variables of the engine.
            project: contents of the project file.
        """
        self.directory = directory
        self.variables = {**variables, "PULUMI_BACKEND_URL": (directory / "state").as_uri()}
        (directory / "state").mkdir()
        (directory / "Pulumi.yaml").write_text(project)
        self.pulumi("stack", "init", STACK)

    def pulumi(self, *arguments: str, stdin: str = "") -> str:
        """Output of a command of the CLI."""
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=self.directory,
            env={**os.environ, **self.variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, **values: str) -> None:
        """Set config keys of the program."""
        for key, value in values.items():
            self.pulumi("config", "set", key, value, "--stack", STACK)

    def set_secret(self, key: str, value: str) -> None:
        """Set a secret config key of the program."""
        self.pulumi("config", "set", "--secret", key, "--stack", STACK, stdin=value)

    def run(self, command: str, *, fails: bool = False) -> Run:
        """Run ``preview``, ``up`` or ``destroy``; whether it fails is checked."""
        run = Run()
        # Not by its messages of severity error: on a busy machine the engine reports that a provider did not answer its
        # last request in time, after everything has succeeded.
        failed = not self._run(command, run)
        assert failed == fails, run.error or "it succeeded"
        return run

    def _run(self, command: str, run: Run) -> bool:
        raise NotImplementedError

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", STACK))
        return list(exported["deployment"].get("resources", []))

    def outputs(self) -> dict[str, str]:
        """The outputs of the program in plain text."""
        return dict(json.loads(self.pulumi("stack", "output", "--json", "--show-secrets", "--stack", STACK)))


class PythonProgram(ForeignProgram):
    """A Python program, in this process, as the Automation API runs it."""

    program: Callable[[], None]
    """What the next command runs; at first a file."""

    def __init__(self, file: Path, directory: Path, variables: Mapping[str, str], packages: Path) -> None:
        """Make the stack.

        Args:
            file: its `__main__.py`.
            directory: as above.
            variables: as above.
            packages: directory with the generated SDK.
        """
        super().__init__(directory, variables)
        self.program = partial(_run_file, file)
        self._packages = packages
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", variables["PATH"])
            self._stack = automation.select_stack(
                stack_name=STACK,
                project_name=PROJECT,
                program=self._main,
                opts=automation.LocalWorkspaceOptions(work_dir=str(directory), env_vars=self.variables),
            )
        skip_summaries(self._stack)

    def _main(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(self._packages))
            self.program()

    def _run(self, command: str, run: Run) -> bool:
        try:
            getattr(self._stack, command)(on_output=run.text.append, on_error=run.text.append, on_event=run.observe)
        except automation.CommandError as error:
            run.text.append(str(error))
            run.errors = run.errors or [str(error)]
            return False
        return True


def _run_file(file: Path) -> None:
    runpy.run_path(str(file), run_name="__main__")


class TypeScriptProgram(ForeignProgram):
    """A compiled TypeScript program, in a process of Node.js."""

    def __init__(self, compiled: Path, runner: Path, directory: Path, variables: Mapping[str, str]) -> None:
        """Make the stack.

        Args:
            compiled: the program as JavaScript.
            runner: the compiled `run.ts`.
            directory: as above.
            variables: as above.
        """
        super().__init__(directory, variables)
        self._command = ["node", str(runner)]
        self._program = compiled

    def _run(self, command: str, run: Run) -> bool:
        done = subprocess.run(
            [*self._command, command, str(self._program), str(self.directory), STACK],
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        run.text.append(done.stderr)
        for line in done.stdout.splitlines():
            event = EngineEvent.from_json(json.loads(line))
            # The CLI does not show them without --debug: the SDK for Node.js logs whole responses of the engine, with
            # the secret outputs of components in plain text (docs/component-package.md).
            if not (event.diagnostic_event and event.diagnostic_event.severity == "debug"):
                run.observe(event)
        if done.returncode:
            run.errors = run.errors or [done.stderr]
        return done.returncode == 0
