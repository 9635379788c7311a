"""Writes the file of a new stack after its settings are valid, and says what to do next."""

import json
import shlex
from typing import Any

from stack_config.files import ENCRYPTED, ROOT, StackFileError, set_path
from stack_config.first_stack import QUESTIONS
from stack_config.load import ConfigError, parse, required_secrets
from stack_config.report import secret_command
from stack_config.schema import PROJECT
from stack_config.settings import StackSettings
from terminal.console import results
from terminal.errors import LocalError, UsageError
from terminal.invocation import command_line

from .answers import Flags, answers, environment_name
from .stack_file import stack_file


class AnswersError(LocalError):
    """The settings reject the answers."""


def create(flags: Flags) -> None:
    """Write `Pulumi.<environment>.yaml`, and print what to do next.

    Raises:
        UsageError: the file exists, an answer is missing, or a `--set` is invalid.
        AnswersError: the settings reject the answers; the message is the report on the config.
    """
    environment = environment_name(flags)
    file = ROOT / f"Pulumi.{environment}.yaml"
    if file.exists():
        raise _exists(file.name)
    answered = answers(flags)
    values = _config(answered, flags.sets)
    try:
        secrets = required_secrets(_texts(values))
        settings = _settings(values, secrets)
    except ConfigError as error:
        # No question is asked twice: the command has every answer.
        again = _command(environment, answered, flags.sets)
        raise AnswersError(f"{error}\n\n{file.name} was not written. The same answers again:\n  {again}") from error
    text = stack_file(values)
    try:
        with file.open("x") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise _exists(file.name) from error
    results.print(_next_steps(environment, settings, secrets), markup=False)


def _exists(name: str) -> UsageError:
    return UsageError(f"{name} exists and is not overwritten. Look at it: cat {name}")


def _config(answered: dict[str, str], sets: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    try:
        for assignment in [*(f"{path}={answer}" for path, answer in answered.items() if answer), *sets]:
            set_path(values, assignment, PROJECT)
    except StackFileError as error:
        raise UsageError(str(error)) from error
    return values


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """The config as the engine passes it."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def _settings(values: dict[str, Any], secrets: list[str]) -> StackSettings:
    """The settings, as if the secrets were set.

    Raises:
        ConfigError: the settings reject the values.
    """
    placeholders: dict[str, Any] = {}
    for path in secrets:
        set_path(placeholders, f"{path}={ENCRYPTED}", PROJECT)
    return parse({**_texts(values), **_texts(placeholders)}, placeholders.keys())


def _command(environment: str, answered: dict[str, str], sets: tuple[str, ...]) -> str:
    """The command line with all answers."""
    words = []
    for question in QUESTIONS:
        answer = answered.get(question.path, "")
        if answer and "/" in question.flag:
            words.append(question.flag.split("/")[answer != "true"])
        elif answer or (question.is_required and question.path in answered):
            words += [question.flag, answer]
    words += [word for each in sets for word in ("--set", each)]
    return f"{command_line('init', env=environment)} {shlex.join(words)}"


def _next_steps(environment: str, settings: StackSettings, secrets: list[str]) -> str:
    """What the operator does next, as commands."""
    lines = [f"Pulumi.{environment}.yaml was written. Next:", "", f"  pulumi stack init {environment}"]
    lines += [f"  {secret_command(path)}" for path in secrets]
    lines.append("  pulumi up")
    existing = [
        f"  {settings.namespace}/{reference.name}, key {reference.key}, for {name}"
        for name, reference in settings.existing_secrets.items()
    ]
    if existing:
        lines += ["", "These Secrets have to exist in the cluster (docs/operations/secrets.md):", *existing]
    return "\n".join([*lines, "", "Every key: docs/configuration.md"])
