"""The answers for a new stack: from the command line, from the terminal, or the suggested ones."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.prompt import Prompt

from stack_config.first_stack import QUESTIONS, Question
from terminal.console import notices
from terminal.errors import UsageError

# Pulumi allows dots in the name of a stack, too. The commands take the name of an environment up to the first one.
# Source: ParseStackName in sdk/go/common/tokens/stacks.go.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The command line."""

    environment: str | None
    """Name of the environment; None: not given."""

    answers: Mapping[str, str | None]
    """The value of each option of the questions; None: not given."""

    sets: tuple[str, ...] = ()
    """``KEY=VALUE`` in the syntax of ``pulumi config set --path``."""


def environment_name(flags: Flags) -> str:
    """The name of the environment.

    Raises:
        UsageError: the name is missing, or it is not the name of a stack.
    """
    name = flags.environment
    if name is None:
        if not sys.stdin.isatty():
            raise _missing("--env")
        name = _prompt("Name of the environment")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--env {name!r}: 1 to 100 letters, digits, hyphens and underscores, for example staging")
    return name


def answers(flags: Flags) -> dict[str, str]:
    """The answers by config key; an empty one means that the key stays out of the config.

    Raises:
        UsageError: there is no terminal, and a required answer has no option.
    """
    answered: dict[str, str] = {}
    for question in QUESTIONS:
        answer = flags.answers.get(question.flag)
        if answer is not None:
            answered[question.path] = answer
        elif not question.is_secret and question.applies(answered):
            answered[question.path] = _asked(question) if sys.stdin.isatty() else _suggested(question)
    return answered


def _suggested(question: Question) -> str:
    if question.is_required:
        raise _missing(question.flag)
    return question.suggestion


def _asked(question: Question) -> str:
    choices = ["true", "false"] if question.suggestion in ("true", "false") else question.choices or None
    default = ... if question.is_required else question.suggestion
    notices.print(question.meaning, style="dim", markup=False)
    return _prompt(question.text, choices=choices, default=default, show_default=bool(default))


def _prompt(text: str, **options: Any) -> str:
    try:
        return str(Prompt.ask(text, console=notices, **options))
    except EOFError as error:
        raise UsageError("the input ended before the last question; nothing was written") from error


def _missing(flag: str) -> UsageError:
    return UsageError(f"{flag} is missing, and there is no terminal to ask for it")
