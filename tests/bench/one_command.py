"""One operation on one stack in a process of its own, as a user's command is one.

python -m tests.bench.one_command DIRECTORY STACK stack|empty up|preview
"""

import sys
from pathlib import Path

from pulumi import automation

from local.toolchain.pulumi_cli import pulumi_cli
from local.workspace import command_root, load_program, run_program
from stack_config.load import PROJECT


def empty_program() -> None:
    """A program that registers nothing: what Pulumi itself costs."""


def main(directory: Path, name: str, program: str, operation: str) -> None:
    """Select the stack and run the operation; the environment variables say which engine and backend."""
    if program == "stack":
        load_program()
    stack = automation.create_or_select_stack(
        stack_name=name,
        project_name=PROJECT,
        program=run_program if program == "stack" else empty_program,
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
