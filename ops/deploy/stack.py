"""A stack as a pipeline has it: the project's own files, the team's backend, the official providers."""

import os
from collections.abc import Mapping

from pulumi import automation

from local.errors import LocalError
from local.toolchain.providers import search_path, uses_stand_ins
from local.toolchain.pulumi_cli import pulumi_cli
from local.workspace import command_root, run_program
from stack_config.files import ROOT, is_encrypted, stack_file, stack_values
from stack_config.load import PROJECT

BACKEND = "PULUMI_BACKEND_URL"
TOKEN = "PULUMI_ACCESS_TOKEN"
PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def check(environment: str, variables: Mapping[str, str]) -> None:
    """What can be known to be missing before anything is started.

    Args:
        environment: name of the stack and of its file.
        variables: environment variables of the process.

    Raises:
        StackFileError: there is no such environment.
        LocalError: a variable is missing, or the context of the cluster is not in the config; says how to set it.
    """
    file = stack_file(environment)
    if not variables.get(BACKEND) and not variables.get(TOKEN):
        raise LocalError(
            f"{BACKEND} is not set: the state of {environment} must be where every run finds it, such as "
            f"s3://bucket or gs://bucket. With Pulumi Cloud: {TOKEN}. For a cluster on this machine: make up"
        )
    values = stack_values(file)
    if not values.get("kubeContext"):
        raise LocalError(
            f"kubeContext is not in {file.name}. Set it and commit the file: "
            f"pulumi config set kubeContext <context> --stack {environment}"
        )
    if any(map(is_encrypted, values.values())) and not variables.get(TOKEN) and not any(map(variables.get, PASSPHRASE)):
        raise LocalError(f"{file.name} holds encrypted values and neither {PASSPHRASE[0]} nor {PASSPHRASE[1]} is set")


def shared_stack(environment: str, *, stand_ins: bool = False) -> automation.Stack:
    """The stack of an environment in the backend that the process's variables name. No file of the project is written.

    Args:
        environment: its name.
        stand_ins: whether stand-ins for the official providers will do. For clusters on this machine only.

    Raises:
        LocalError: something is missing (see `check`), or the stack does not exist there.
        StackFileError: there is no such environment.
    """
    check(environment, os.environ)
    path = search_path(pulumi_cli())
    if uses_stand_ins(path) and not stand_ins:
        raise LocalError("The official providers cannot be had here, and nothing else may deploy to a shared cluster")
    options = automation.LocalWorkspaceOptions(
        work_dir=str(ROOT),
        env_vars={"PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_OPTION_COLOR": "never"},
        pulumi_command=automation.PulumiCommand(root=str(command_root(pulumi_cli()))),
    )
    try:
        return automation.select_stack(stack_name=environment, project_name=PROJECT, program=run_program, opts=options)
    except automation.StackNotFoundError as error:
        raise LocalError(
            f"There is no stack {environment} in {os.environ.get(BACKEND, 'Pulumi Cloud')}. Make it once, and commit "
            f"the file that it writes to: pulumi stack init {environment}"
        ) from error
