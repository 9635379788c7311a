"""Command line: `python -m ops.verify --env dev`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.clusters_in_use import cluster_of
from local.console import step
from local.errors import LocalError
from local.toolchain.go_programs import kubectl
from stack_config.files import StackFileError, read_stack

from . import report
from .checks import all_checks
from .client_pod import remove
from .kubectl import Kubectl, KubectlError
from .stack import Account, Stack

UNREACHABLE = 2


def main(
    env: Annotated[str, typer.Option(help="Environment that `make up` deployed.")] = "dev",
    context: Annotated[
        str | None, typer.Option(help="Context of your kubeconfig, for a stack deployed by pulumi.")
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace. Default: the environment's.")] = None,
    admin_password_file: Annotated[
        Path | None, typer.Option(help="File with the administrator's password, when it was changed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a deployed stack. Exit code 0: all that can run here passes; 1: something fails; 2: nothing to check."""
    try:
        stack = Stack(_kubectl(env, context, namespace))
        account = _account(stack, admin_password_file)
        checks = all_checks(account)
        with step("check the stack", 90) as progress:
            try:
                results = report.run(checks, stack, progress)
            except KeyboardInterrupt:
                remove(stack.kubectl)
                raise
    except (KubectlError, LocalError, StackFileError) as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(UNREACHABLE)
    if json:
        print(report.as_json(results))
    else:
        report.print_table(results, Console(width=None if sys.stdout.isatty() else 160))
    sys.exit(any(result.outcome == "fail" for result in results))


def _kubectl(environment: str, context: str | None, namespace: str | None) -> Kubectl:
    config = read_stack(environment, [])
    where = namespace or str(config.values.get("open-webui-stack:namespace", "rag-system"))
    if context:
        return Kubectl(program=str(kubectl()), namespace=where, context=context)
    cluster = cluster_of(environment)
    if cluster is None:
        raise LocalError(
            f"{environment} is not up on this machine. Deploy it: make up ENV={environment}\n"
            f"A stack that pulumi deployed: make verify ENV={environment} CONTEXT=<context of your kubeconfig>"
        )
    return Kubectl(program=str(kubectl()), namespace=where, kubeconfig=cluster.kubeconfig, context=cluster.context)


def _account(stack: Stack, password_file: Path | None) -> Account | None:
    if password_file is None:
        return None
    return Account(email=stack.administrator().email, password=password_file.read_text().strip())


if __name__ == "__main__":
    typer.run(main)
