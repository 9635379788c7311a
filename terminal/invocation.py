"""Commands in messages, as the reader calls them: `make up ENV=prod`, or `stackctl up --env prod`."""

import os
import shlex
import sys
from pathlib import Path

CALLER_VARIABLE = "STACKCTL_CALLER"
"""Environment variable by which the Makefile says that `make` was called."""

_TARGETS = {"backup run": "backup", "backup list": "backups"}
"""Targets of the Makefile that have another name than the command of `stackctl`."""


def command_line(command: str, **options: str | bool | None) -> str:
    """A command that the reader can paste into a shell.

    Args:
        command: of `stackctl`: ``up``, ``backup list``.
        options: long options, with ``_`` for ``-``. False and None are left out. A value in angle brackets is a
            placeholder and stays as it is.
    """
    name = f"make {_TARGETS.get(command, command)}" if _by_make() else f"{program()} {command}"
    return " ".join([name, *(option(key, value) for key, value in options.items() if value)])


def option(name: str, value: str | bool = True) -> str:
    """An option: ``--env prod`` of `stackctl`, ``ENV=prod`` of `make`.

    Args:
        name: long option, with ``_`` for ``-``.
        value: its value; True for a flag.
    """
    text = "" if value is True else value if str(value).startswith("<") else shlex.quote(str(value))
    if _by_make():
        return f"{name.upper()}={text or 1}"
    return f"--{name.replace('_', '-')} {text}".rstrip()


def _by_make() -> bool:
    return os.environ.get(CALLER_VARIABLE) == "make"


def program() -> str:
    """The name by which this process was called: ``stackctl`` or ``python -m stackctl``."""
    entry_point = Path(sys.argv[0]).name
    return entry_point if entry_point == "stackctl" else "python -m stackctl"
