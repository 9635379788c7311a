"""A stack as the Automation API runs it: the very `__main__.py`, on a copy of the config, with state in the cache."""

import os
import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from stack_config.files import ROOT, is_encrypted, set_path, stack_file
from stack_config.load import PROJECT

from .cluster.choice import Cluster
from .console import notices
from .directories import cache_directory, environment_directory, passphrase_file, state_directory
from .errors import LocalError
from .toolchain.providers import search_path
from .toolchain.pulumi_cli import pulumi_cli


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What a command line sets over an environment's config."""

    sets: tuple[str, ...] = ()
    """``KEY=VALUE`` in the syntax of ``pulumi config set --path``."""

    secret_files: Mapping[str, Path]
    """Secret config keys and the files that hold their values."""


def engine_environment(path: str) -> dict[str, str]:
    """Environment variables of the engine: its programs, its backend, and no chatter.

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
    """The stack of an environment, made at the first call, with its config set for the cluster.

    Raises:
        LocalError: a secret's file cannot be read, or no toolchain can be had.
    """
    pulumi = pulumi_cli()
    variables = engine_environment(search_path(pulumi))
    if cluster.kubeconfig:
        variables["KUBECONFIG"] = str(cluster.kubeconfig)
    directory = _project_copy(environment, cluster, overrides)
    command = automation.PulumiCommand(root=str(_command_root(pulumi)))
    stack = automation.create_or_select_stack(
        stack_name=environment,
        project_name=PROJECT,
        program=run_program,
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(directory), env_vars=variables, pulumi_command=command, secrets_provider="passphrase"
        ),
    )
    for key, file in overrides.secret_files.items():
        try:
            value = file.read_text().strip()
        except OSError as error:
            raise LocalError(f"--secret-file {key}={file}: {error.strerror}") from error
        stack.set_config(key, automation.ConfigValue(value, secret=True))
    return stack


def has_state(environment: str) -> bool:
    """Whether the backend holds a stack of that name."""
    return (state_directory() / ".pulumi" / "stacks" / PROJECT / f"{environment}.json").exists()


def run_program() -> None:
    """The program that `pulumi up` runs, in this process."""
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def _command_root(pulumi: Path) -> Path:
    """A directory as the Automation API wants it, with the CLI at ``bin/pulumi``."""
    root = cache_directory() / "pulumi"
    link = root / "bin" / "pulumi"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists() or link.resolve() != pulumi.resolve():
        fresh = link.with_name(f"pulumi.{os.getpid()}")
        fresh.symlink_to(pulumi.resolve())
        fresh.replace(link)
    return root


def _project_copy(environment: str, cluster: Cluster, overrides: Overrides) -> Path:
    """Directory with a copy of the project file and of the stack's file; no tracked file is ever written."""
    directory = environment_directory(environment) / "project"
    directory.mkdir(exist_ok=True)
    (directory / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    copy = directory / f"Pulumi.{environment}.yaml"
    before = yaml.safe_load(copy.read_text()) if copy.exists() else {}
    original: dict[str, Any] = yaml.safe_load(stack_file(environment).read_text()) or {}
    values: dict[str, Any] = original.get("config") or {}
    encrypted = sorted(key for key, value in values.items() if is_encrypted(value))
    if encrypted:
        # They are encrypted for the stack's own backend, to which this machine may have no key.
        notices.print(f"not used here, give them with --secret-file: {', '.join(encrypted)}")
    values = {key: value for key, value in values.items() if key not in encrypted}
    for assignment in (f"kubeContext={cluster.context}", *overrides.sets):
        set_path(values, assignment, PROJECT)
    # The salt of the earlier copy: with another one the secrets already set could not be read.
    salt = {key: before[key] for key in ("encryptionsalt",) if key in before}
    text = yaml.safe_dump({**salt, "config": values}, sort_keys=False)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    return directory
