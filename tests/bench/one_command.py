"""One operation on one stack in a process of its own, as a user's command is one.

python -m tests.bench.one_command DIRECTORY STACK stack|config-map|empty up|preview
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions, automation

from devcluster.toolchain.pulumi_cli import pulumi_cli
from stack_config.load import PROJECT
from stackctl.engine.workspace import command_root, load_program, run_program


def empty_program() -> None:
    """A program that registers nothing: what Pulumi itself costs."""


def config_map_program() -> None:
    """A program with one object, on a provider as the stack has it: what the least program for Kubernetes costs."""
    context = pulumi.Config(PROJECT).require("kubeContext")
    cluster = k8s.Provider("cluster", kubeconfig="", context=context, cluster_identifier="bench")
    metadata: k8s.meta.v1.ObjectMetaArgsDict = {"name": "bench", "namespace": "default"}
    k8s.core.v1.ConfigMap("bench", metadata=metadata, data={"a": "b"}, opts=ResourceOptions(provider=cluster))


PROGRAMS: Mapping[str, Callable[[], None]] = {
    "stack": run_program,
    "config-map": config_map_program,
    "empty": empty_program,
}


def main(directory: Path, name: str, program: str, operation: str) -> None:
    """Select the stack and run the operation; the environment variables say which engine and backend."""
    if program == "stack":
        load_program()
    stack = automation.create_or_select_stack(
        stack_name=name,
        project_name=PROJECT,
        program=PROGRAMS[program],
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
