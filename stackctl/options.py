"""Options that several commands have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import UsageError
from terminal.invocation import option

Environment = Annotated[str, typer.Option("--env", help="Environment: the NAME of a Pulumi.NAME.yaml.")]
ClusterName = Annotated[str, typer.Option("--cluster", help="auto, kwok, kind, node, or a context of your kubeconfig.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Config over the environment's, as `pulumi config set --path`."),
]
SecretFiles = Annotated[
    list[str] | None,
    typer.Option("--secret-file", metavar="KEY=FILE", help="Secret config key, and the file with its value."),
]
Context = Annotated[
    str | None, typer.Option("--context", help="Context of your kubeconfig, for a stack that pulumi deployed.")
]
Kubeconfig = Annotated[Path | None, typer.Option("--kubeconfig", help="Kubeconfig. Default: your own.")]
Namespace = Annotated[str | None, typer.Option("--namespace", help="Namespace. Default: the environment's.")]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which deployed stack a command is about."""

    environment: str
    """Its name. What `up` recorded about it is used unless a kubeconfig or a context is named."""

    kubeconfig: Path | None = None
    """Kubeconfig; None for the user's own."""

    context: str | None = None
    """Context in the kubeconfig; None for its current one when a kubeconfig is named."""

    namespace: str | None = None
    """Namespace of the stack; None for that of the environment's config."""


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Config that a command line sets over the environment's."""

    sets: tuple[str, ...] = ()
    """``KEY=VALUE`` in the syntax of ``pulumi config set --path``."""

    secret_files: Mapping[str, Path]
    """Secret config keys and the files that hold their values."""


def overrides(sets: list[str] | None, secret_files: list[str] | None) -> Overrides:
    """The values of `--set` and `--secret-file`.

    Raises:
        UsageError: a secret file is not KEY=FILE.
    """
    pairs = [assignment.partition("=") for assignment in secret_files or ()]
    for key, equals, file in pairs:
        if not (key and equals and file):
            raise UsageError(f"{option('secret_file', key)}: expected KEY=FILE, for example openaiApiKey=key.txt")
    return Overrides(sets=tuple(sets or ()), secret_files={key: Path(file) for key, _, file in pairs})


def secret_from(file: Path, shown: str) -> str:
    """The secret in a file that the command line names, without the spaces and line ends around it.

    Args:
        file: the file.
        shown: the option as the user wrote it, for the message.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UsageError(f"{shown}: {reason}") from error
