"""Reads the stack's config from the files, as the CLI would pass it to the program."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pulumi_values.property_paths import parse

from .cli_yaml import load_yaml

ENCRYPTED = "[encrypted]"
ROOT = Path(__file__).resolve().parent.parent


class StackFileError(Exception):
    """A stack file is missing or cannot be read, or a `--set` is not KEY=VALUE."""


def environments(root: Path = ROOT) -> list[str]:
    """Names of the environments: one for each ``Pulumi.<name>.yaml``."""
    return sorted(path.name.split(".")[1] for path in root.glob("Pulumi.*.yaml"))


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """Config of one environment."""

    values: dict[str, str]
    """Full keys with the text that a program gets: objects as JSON, a placeholder for each encrypted value."""

    secret_keys: frozenset[str]
    """The keys whose values are encrypted."""


def read_stack(
    environment: str, sets: Iterable[str] = (), root: Path = ROOT, directory: Path | None = None
) -> StackConfig:
    """Config of an environment: the defaults of Pulumi.yaml, overridden by the stack file, overridden by ``sets``.

    Args:
        environment: ``dev``, ``prod`` ...
        sets: ``KEY=VALUE`` in the syntax of ``pulumi config set --path``.
        root: directory of the project.
        directory: directory of the stack file. Default: that of the project.

    Raises:
        StackFileError: the environment does not exist, or a set is invalid.
    """
    file = stack_file(environment, directory or root)
    project = load_yaml(root / "Pulumi.yaml")
    values: dict[str, Any] = {
        f"{project['name']}:{key}": declared["default"]
        for key, declared in project["config"].items()
        if "default" in declared
    }
    values |= stack_config(file, project["name"])
    for assignment in sets:
        set_path(values, assignment, project["name"])
    secret = frozenset(key for key, value in values.items() if holds_encrypted(value))
    texts = {key: _text(_with_placeholders(value)) for key, value in values.items()}
    return StackConfig(values=texts, secret_keys=secret)


def stack_file(environment: str, root: Path = ROOT) -> Path:
    """The file of an environment.

    Raises:
        StackFileError: the environment does not exist; the message lists those that do.
    """
    file = root / f"Pulumi.{environment}.yaml"
    if not file.is_file():
        known = ", ".join(environments(root))
        raise StackFileError(
            f"There is no environment {environment!r}: {file.name} does not exist. Environments: {known}."
        )
    return file


def stack_config(file: Path, project: str) -> dict[str, Any]:
    """The config of a stack file by full key. As the CLI does, prefixes a key without a project with this project.

    Raises:
        StackFileError: the file is not valid YAML, or its config is not an object.
    """
    try:
        content = load_yaml(file)
    except ValueError as error:
        raise StackFileError(f"{file.name} cannot be read: {error}") from error
    values = (content or {}).get("config") if isinstance(content or {}, dict) else content
    if not isinstance(values or {}, dict):
        raise StackFileError(f"{file.name}: `config:` must be an object, with one `key: value` a line.")
    return {key if ":" in str(key) else f"{project}:{key}": value for key, value in (values or {}).items()}


def stack_file_text(config: Mapping[str, Any], **others: Any) -> str:
    """The text of a stack file with this config, as JSON: YAML that needs no rules for quoting."""
    return json.dumps({**others, "config": config}, indent=1, ensure_ascii=False) + "\n"


def is_encrypted(value: object) -> bool:
    """Whether `pulumi config set --secret` wrote the value of a stack file."""
    return isinstance(value, dict) and value.keys() == {"secure"}


def holds_encrypted(value: object) -> bool:
    """Whether a value of a stack file is encrypted or has an encrypted member: the engine treats both as a secret."""
    if isinstance(value, dict):
        return is_encrypted(value) or any(holds_encrypted(member) for member in value.values())
    return isinstance(value, list) and any(holds_encrypted(element) for element in value)


def _with_placeholders(value: object) -> object:
    if is_encrypted(value):
        return ENCRYPTED
    if isinstance(value, dict):
        return {key: _with_placeholders(member) for key, member in value.items()}
    return [_with_placeholders(element) for element in value] if isinstance(value, list) else value


def _text(value: object) -> str:
    # The CLI passes an empty text for a key without a value.
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def set_path(values: dict[str, Any], assignment: str, project: str) -> None:
    """Apply one ``KEY=VALUE``, creating the objects and lists that lead to the key.

    Raises:
        StackFileError: the assignment is not KEY=VALUE, or the key leads through a value that is not an object or list.
    """
    key, equals, text = assignment.partition("=")
    try:
        steps = parse(key)
    except ValueError:
        steps = []
    if not equals or not steps:
        raise StackFileError(f"--set {assignment}: expected KEY=VALUE, for example redis.maxmemory=1gb")
    first = str(steps[0])
    level: Any = values
    path: list[str | int] = [first if ":" in first else f"{project}:{first}", *steps[1:]]
    for step, following in pairwise(path):
        level = _member(level, step, [] if isinstance(following, int) else {}, key)
    _assign(level, path[-1], _typed(text) if len(path) > 1 else text, key)


def _member(level: Any, step: str | int, empty: Any, key: str) -> Any:
    if isinstance(level, dict) and isinstance(step, str):
        return level.setdefault(step, empty)
    if isinstance(level, list) and isinstance(step, int) and step <= len(level):
        if step == len(level):
            level.append(empty)
        return level[step]
    raise _no_place(key, step)


def _assign(level: Any, step: str | int, value: Any, key: str) -> None:
    if isinstance(level, dict) and isinstance(step, str):
        level[step] = value
    elif isinstance(level, list) and isinstance(step, int) and step <= len(level):
        level[step : step + 1] = [value]
    else:
        raise _no_place(key, step)


def _no_place(key: str, step: str | int) -> StackFileError:
    # The value may be a secret, so the message leaves it out.
    return StackFileError(
        f"--set {key}=...: cannot set {step}, because the value there is not an object or list that can hold it"
    )


def _typed(text: str) -> str | int | bool:
    # `pulumi config set --path` stores integers and booleans inside objects as such, all other values as strings.
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9]\d*)", text) else text
