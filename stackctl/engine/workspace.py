"""A stack for the Automation API: the program is this repository's `__main__.py`, on a copy of the config."""

import os
import runpy
import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from pulumi import automation

from devcluster.clusters.choice import Cluster
from devcluster.toolchain.providers import search_path
from devcluster.toolchain.pulumi_cli import pulumi_cli
from host.directories import cache_directory, environment_directory, passphrase_file, state_directory, write
from stack_config.files import ROOT, holds_encrypted, set_path, stack_config, stack_file, stack_file_text
from stack_config.load import PROJECT
from terminal.console import notices
from terminal.errors import LocalError
from terminal.invocation import command_line, option

from ..options import Overrides, secret_from
from .stale_locks import remove_stale_locks


def engine_environment(path: str) -> dict[str, str]:
    """Environment variables of the engine: its programs, its backend, and no notices about newer versions.

    Args:
        path: PATH with the CLI and the providers.
    """
    return {
        "PATH": path,
        "PULUMI_BACKEND_URL": state_directory().as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_OPTION_COLOR": "never",
    }


def open_stack(environment: str, cluster: Cluster, overrides: Overrides) -> automation.Stack:
    """The stack of an environment, created at the first call, with its config set for the cluster.

    Raises:
        UsageError: a secret's file cannot be read.
        LocalError: the toolchain is not available.
    """
    secrets = {
        key: secret_from(file, option("secret_file", f"{key}={file}")) for key, file in overrides.secret_files.items()
    }
    options = _options(environment, cluster, search_path(pulumi_cli()))
    _write_project_copy(environment, cluster, overrides)
    load_program()
    stack = automation.create_or_select_stack(
        stack_name=environment, project_name=PROJECT, program=run_program, opts=options
    )
    for key, secret in secrets.items():
        path = ["--path"] if "." in key else []
        run_pulumi(stack.workspace, "config", "set", "--secret", *path, key, "--stack", environment, stdin=secret)
    return stack


def deployed_stack(environment: str, cluster: Cluster, *, changes: bool) -> automation.Stack:
    """The stack as the last `up` left it, with the config of that update.

    Args:
        environment: its name.
        cluster: the cluster that it is deployed to.
        changes: whether resources will be read or changed, which needs the providers.

    Raises:
        LocalError: it is not deployed, or the toolchain is not available.
    """
    if not has_state(environment):
        raise not_deployed(environment)
    path = search_path(pulumi_cli()) if changes else os.environ.get("PATH", os.defpath)
    return automation.select_stack(
        stack_name=environment, project_name=PROJECT, program=run_program, opts=_options(environment, cluster, path)
    )


def not_deployed(environment: str) -> LocalError:
    """The error that an environment has no stack on this machine."""
    return LocalError(f"{environment} is not up. Deploy it: {command_line('up', env=environment)}")


def has_state(environment: str) -> bool:
    """Whether the backend holds a stack of that name."""
    return (state_directory() / ".pulumi" / "stacks" / PROJECT / f"{environment}.json").exists()


def forget_state(environment: str) -> None:
    """Remove the state of a stack whose cluster was deleted, so none of its resources exist."""
    if has_state(environment):
        remove_stale_locks(state_directory())
        variables = engine_environment(os.environ.get("PATH", os.defpath))
        stack = f"organization/{PROJECT}/{environment}"
        _run([str(pulumi_cli()), "stack", "rm", stack, "--force", "--yes", "--preserve-config"], ROOT, variables)


def run_pulumi(workspace: automation.Workspace, *arguments: str, stdin: str = "") -> str:
    """Output of a command of the CLI that the Automation API does not offer.

    Args:
        workspace: of the stack.
        arguments: command and flags. Never a secret: every user of the machine can see command lines.
        stdin: standard input of the command.

    Raises:
        LocalError: it failed; the message is its output.
    """
    command = [workspace.pulumi_command.command, *arguments, "--non-interactive"]
    return _run(command, Path(workspace.work_dir), workspace.env_vars, stdin)


def _run(command: list[str], directory: Path, variables: Mapping[str, str], stdin: str = "") -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=directory, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LocalError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def _options(environment: str, cluster: Cluster, path: str) -> automation.LocalWorkspaceOptions:
    # The engine would prefer this variable to the file with the passphrase of this project's states.
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
    if cluster.kubeconfig:
        # For the engine, its providers and the program, which runs in this process and reads from the cluster.
        os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    return automation.LocalWorkspaceOptions(
        work_dir=str(_project_directory(environment)),
        env_vars=engine_environment(path),
        pulumi_command=automation.PulumiCommand(root=str(command_root(pulumi_cli()))),
        secrets_provider="passphrase",
    )


_loading: list[Thread] = []


def load_program() -> None:
    """Import the program's modules while the CLI works. It saves half a second."""
    thread = Thread(target=import_module, args=("components.open_webui.component",), daemon=True)
    _loading.append(thread)
    thread.start()


def run_program() -> None:
    """The program that `pulumi up` runs, in this process."""
    # Two threads that import modules of the same package at once may see one of them half imported.
    while _loading:
        _loading.pop().join()
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def command_root(pulumi: Path) -> Path:
    """A directory of the form that the Automation API expects, with the CLI at ``bin/pulumi``."""
    root = cache_directory() / "pulumi"
    link = root / "bin" / "pulumi"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists() or link.resolve() != pulumi.resolve():
        fresh = link.with_name(f"pulumi.{os.getpid()}")
        fresh.symlink_to(pulumi.resolve())
        fresh.replace(link)
    return root


def _project_directory(environment: str) -> Path:
    directory = environment_directory(environment) / "project"
    directory.mkdir(exist_ok=True)
    return directory


def _write_project_copy(environment: str, cluster: Cluster, overrides: Overrides) -> None:
    """Write a copy of the project file and of the stack's file; no tracked file is ever written."""
    directory = _project_directory(environment)
    (directory / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    copy = directory / f"Pulumi.{environment}.yaml"
    before = yaml.safe_load(copy.read_text()) if copy.exists() else {}
    values: dict[str, Any] = stack_config(stack_file(environment), PROJECT)
    encrypted = sorted(key for key, value in values.items() if holds_encrypted(value))
    if encrypted:
        example = option("secret_file", "<key>=<file>")
        # These values are encrypted for the stack's own backend, whose key this machine may not have.
        notices.print(f"encrypted for another backend, not used: {', '.join(encrypted)}. Set them with {example}")
    values = {key: value for key, value in values.items() if key not in encrypted}
    for assignment in ("cluster.mode=context", f"kubeContext={cluster.context}", *overrides.sets):
        set_path(values, assignment, PROJECT)
    # The salt of the earlier copy: with another one the secrets already set could not be read.
    salt = {key: before[key] for key in ("encryptionsalt",) if key in before}
    write(copy, stack_file_text(values, **salt))
