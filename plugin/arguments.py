"""The arguments of a component as settings and secrets, checked like the config of the program."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

from components.blocks.finding import Finding
from components.blocks.secret_inputs import SecretInputs
from stack_config.files import ENCRYPTED
from stack_config.keys import config_keys, is_secret_key
from stack_config.load import PROJECT, ConfigError, check
from stack_config.report import HIDDEN, path_of
from stack_config.secret_keys import SECRET_ENV
from stack_config.secret_sources import Secrets
from stack_config.settings import StackSettings

from .names import NOT_ARGUMENTS
from .values import Value

_CALLERS_CLUSTER = {"mode": "inCluster"}
"""`cluster` of the settings: the mode without a context or a secret. The component creates no provider."""


class ArgumentsError(Exception):
    """The arguments are invalid; the message is the whole report. Nothing has been registered."""


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument, as the engine passes it."""

    value: Value
    """The value itself, to be checked."""

    output: Any
    """The same as an input of resources: an output if it is secret or has dependencies."""


def read(component: str, arguments: Mapping[str, Argument]) -> tuple[StackSettings, SecretInputs]:
    """Settings and secret inputs of a component.

    Args:
        component: its name, for the report.
        arguments: by their names in the schema.

    Raises:
        ArgumentsError: names every problem, as the report on the config of the program does.
    """
    present = {name: argument for name, argument in arguments.items() if argument.value.content is not None}
    findings: list[Finding] = []
    values: dict[str, object] = {"cluster": _CALLERS_CLUSTER}
    encrypted: set[str] = set()
    for name, argument in present.items():
        problems = list(_problems(name, argument.value))
        findings += problems
        if problems or name in NOT_ARGUMENTS:
            continue
        if is_secret_key(name):
            values[name] = _secret_text(argument.value)
            encrypted.add(name)
        else:
            values[name] = argument.value.plain
    full = {f"{PROJECT}:{name}": value for name, value in values.items()}
    try:
        checked = check(full, {f"{PROJECT}:{name}" for name in encrypted})
    except ConfigError as error:
        raise ArgumentsError(_report(component, [*findings, *error.findings])) from error
    findings += checked.findings
    if findings:
        raise ArgumentsError(_report(component, findings))
    settings, secrets = checked.settings, checked.secrets
    return settings.with_common_pods(), SecretInputs(
        values={name: _secret_output(name, secrets, present) for name in secrets.values},
        references=settings.existing_secrets,
        variables=secrets.variables,
        rotation=settings.rotate.existing_secrets,
    )


def _report(component: str, findings: list[Finding]) -> str:
    count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
    # The commands are those of a stack file.
    body = "\n\n".join(str(dataclasses.replace(finding, commands=())) for finding in findings)
    return (
        f"The arguments of {component} have {count}; nothing was changed.\n\n{body}\n\n"
        "The arguments are the config keys: docs/configuration.md"
    )


def _problems(name: str, value: Value) -> Iterator[Finding]:
    """Problems that a config cannot have: the cluster as an argument, and values of the engine."""
    if name in NOT_ARGUMENTS:
        yield _finding(name, "not an argument: the component uses the cluster of its caller", "the option providers")
    elif name == SECRET_ENV:
        members = value.content if isinstance(value.content, Mapping) else {}
        for member, each in members.items():
            if not _is_text(each):
                yield _finding(path_of((name, member)), "wrong type", "string")
        if not isinstance(value.content, Mapping):
            yield _finding(name, "not a map", "names of environment variables, each with a string")
    elif is_secret_key(name):
        if not _is_text(value):
            yield _finding(name, "wrong type", "string")
    elif name in config_keys():
        for location, part in value.parts:
            path = path_of((name, *location))
            if part.secret:
                yield _finding(path, "secret, but its value appears in objects in plain text", "a plain value")
            elif part.is_unknown:
                yield _finding(path, "not known before the update, but settings are checked first", "a plain value")


def _is_text(value: Value) -> bool:
    return value.is_unknown or isinstance(value.content, str)


def _finding(path: str, message: str, allowed: str) -> Finding:
    return Finding(key=path, value=HIDDEN, message=message, allowed=allowed, commands=())


def _secret_text(value: Value) -> str:
    """The value of a secret as the config has it; a placeholder for one that is not known yet."""
    if isinstance(value.content, Mapping):
        return json.dumps({name: _secret_text(member) for name, member in value.content.items()})
    return value.content if isinstance(value.content, str) else ENCRYPTED


def _secret_output(name: str, secrets: Secrets, arguments: Mapping[str, Argument]) -> Input[str]:
    if name not in secrets.members:
        return Output.secret(arguments[name].output)
    members = arguments[SECRET_ENV].output
    if isinstance(members, Mapping):
        return Output.secret(members[name])
    return Output.secret(members).apply(lambda values: values[name])
