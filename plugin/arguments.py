"""The arguments of a component as settings and secrets, checked like the config of the program."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

from components.blocks.finding import Finding
from components.blocks.secret_inputs import SecretInputs
from stack_config.files import ENCRYPTED
from stack_config.keys import config_keys, is_secret_key
from stack_config.load import PROJECT, ConfigError, check
from stack_config.report import HIDDEN, path_of
from stack_config.secret_keys import SECRET_ENV, SECRET_KEYS
from stack_config.secret_sources import Secrets
from stack_config.settings import StackSettings

from .names import NOT_ARGUMENTS, STACK
from .parts import COMPONENTS, EXTERNAL, Component
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


def read(
    name: str, arguments: Mapping[str, Argument], component: Component = COMPONENTS[STACK]
) -> tuple[StackSettings, SecretInputs]:
    """Settings and secret inputs of a component.

    Args:
        name: its name, for the report.
        arguments: by their names in the schema.
        component: its type.

    Raises:
        ArgumentsError: names every problem, as the report on the config of the program does.
    """
    present = {name: argument for name, argument in arguments.items() if argument.value.content is not None}
    findings: list[Finding] = []
    values: dict[str, object] = {"cluster": _CALLERS_CLUSTER}
    encrypted: set[str] = set()
    for argument_name, argument in present.items():
        value, foreign = _own(component, argument_name, argument.value)
        problems = list(_problems(argument_name, value)) if value else []
        findings += [*foreign, *problems]
        if problems or value is None:
            continue
        if is_secret_key(argument_name):
            values[argument_name] = _secret_text(value)
            encrypted.add(argument_name)
        else:
            values[argument_name] = value.plain
    for key, members in component.fixed.items():
        own = values.get(key, {})
        values[key] = {**own, **members} if isinstance(own, Mapping) else own
    full = {f"{PROJECT}:{key}": value for key, value in values.items()}
    try:
        checked = check(full, {f"{PROJECT}:{key}" for key in encrypted}, model=component.settings)
    except ConfigError as error:
        raise ArgumentsError(_report(name, [*findings, *error.findings])) from error
    findings += checked.findings
    if findings:
        raise ArgumentsError(_report(name, findings))
    settings, secrets = checked.settings, checked.secrets
    return settings.with_common_pods(), SecretInputs(
        values={key: _secret_output(key, secrets, present) for key in secrets.values},
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


def _own(component: Component, name: str, value: Value) -> tuple[Value | None, list[Finding]]:
    """What a component has of an argument, and a finding for each member of it that another component has."""
    if name in NOT_ARGUMENTS:
        return None, [
            _finding(name, "not an argument: the component uses the cluster of its caller", "the option providers")
        ]
    if is_secret_key(name):
        known = name in component.secrets or (name not in SECRET_KEYS and SECRET_ENV in component.secrets)
        return (value, []) if known else (None, [_foreign(component, name, component.secrets)])
    if name not in config_keys() or component.has_all(name):
        return value, []
    if not component.has_some(name):
        return None, [_foreign(component, name, component.keys)]
    if not isinstance(value.content, Mapping):
        return value, []
    others = [member for member in value.content if not component.has_known(f"{name}.{member}")]
    own = {member: each for member, each in value.content.items() if member not in others}
    members = component.members(name)
    findings = [_foreign(component, f"{name}.{member}", members) for member in others]
    if name == component.servers and (topology := own.get("topology")) and topology.content == EXTERNAL:
        del own["topology"]
        path = f"{name}.topology"
        allowed = " | ".join(choice for choice in config_keys()[path].choices if choice != EXTERNAL)
        findings.append(_finding(path, f"{EXTERNAL}: the component {component.name} deploys the servers", allowed))
    return Value(content=own), findings


def _foreign(component: Component, path: str, allowed: Iterable[str]) -> Finding:
    names = sorted({each.partition(".")[0] for each in allowed})
    return _finding(path, f"not an argument of {component.name}", f"one of {', '.join(names)}" if names else "none")


def _problems(name: str, value: Value) -> Iterator[Finding]:
    """Problems that a config cannot have: values of the engine."""
    if name == SECRET_ENV:
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
