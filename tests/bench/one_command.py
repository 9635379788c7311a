"""One operation on one stack in a process of its own, as a user's command is one.

python -m tests.bench.one_command DIRECTORY STACK stack|copies-N|config-map|empty up|preview
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions, automation

from components.blocks import remembered
from components.open_webui import rolling_upgrade
from composition.stack import Stack
from devcluster.toolchain.pulumi_cli import pulumi_cli
from stack_config.load import PROJECT, load_settings
from stackctl.engine.workspace import command_root, load_program, run_program


def empty_program() -> None:
    """A program that registers nothing: what Pulumi itself costs."""


def config_map_program() -> None:
    """A program with one object, on a provider as the stack has it: what the least program for Kubernetes costs."""
    context = pulumi.Config(PROJECT).require("kubeContext")
    cluster = k8s.Provider("cluster", kubeconfig="", context=context, cluster_identifier="bench")
    metadata: k8s.meta.v1.ObjectMetaArgsDict = {"name": "bench", "namespace": "default"}
    k8s.core.v1.ConfigMap("bench", metadata=metadata, data={"a": "b"}, opts=ResourceOptions(provider=cluster))


def copies_program(number: int) -> None:
    """The components of a stack, several times, each in a namespace of its own."""
    settings, secret_inputs = load_settings()
    cluster = k8s.Provider("cluster", kubeconfig="", context=settings.kube_context, cluster_identifier="bench")
    numbers = count(1)

    def hook(name: str, *rest: Any) -> pulumi.ResourceHook:
        return pulumi.ResourceHook(f"{name}-{next(numbers)}", *rest)

    # Their names are unique in a program. This process ends with it.
    for module in (remembered, rolling_upgrade):
        vars(module)["ResourceHook"] = hook
    for index in range(number):
        # Those of resources are unique within a type of parent.
        parent = pulumi.ComponentResource(f"bench:index:Copy{index}", f"copy-{index}")
        Stack(
            settings=settings.model_copy(update={"namespace": f"copy-{number}-{index}"}),
            secret_inputs=secret_inputs,
            options=ResourceOptions(parent=parent, provider=cluster),
        ).deploy()


PROGRAMS: Mapping[str, Callable[[], None]] = {
    "stack": run_program,
    "config-map": config_map_program,
    "empty": empty_program,
}


def main(directory: Path, name: str, program: str, operation: str) -> None:
    """Select the stack and run the operation; the environment variables say which engine and backend."""
    kind, _, number = program.partition("-")
    own = partial(copies_program, int(number)) if kind == "copies" else PROGRAMS[program]
    if program == "stack":
        load_program()
    stack = automation.create_or_select_stack(
        stack_name=name,
        project_name=PROJECT,
        program=own,
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(directory),
            pulumi_command=automation.PulumiCommand(root=str(command_root(pulumi_cli()))),
            secrets_provider="passphrase",
        ),
    )
    if operation == "up":
        stack.up()
    else:
        stack.preview()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
