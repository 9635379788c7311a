"""The report on a config that is refused, and what its commands do."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from stack_config.files import is_encrypted, set_path
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.uploads_in_pods import accepted

GOOD = {"kubeContext": "test"}


def report(values: Mapping[str, object], secret_keys: frozenset[str] = frozenset()) -> str:
    """The report on a config; fails when there is none."""
    texts = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in {**GOOD, **values}.items()
    }
    with pytest.raises(ConfigError) as error:
        parse(accepted(texts), {f"{PROJECT}:{key}" for key in secret_keys})
    return str(error.value)


def all_encrypted(value: object) -> bool:
    """Whether a value, or each member of an object, is encrypted."""
    members = value.values() if isinstance(value, dict) and value and not is_encrypted(value) else [value]
    return all(is_encrypted(member) for member in members)


def apply_fixes(values: dict[str, Any], text: str) -> None:
    """Run the report's commands on a config. Those that ask for a value are given one."""
    for command in re.findall(r"^  (?:fix: |     )     (pulumi .*)$", text, re.MULTILINE):
        _, _, verb, *words = shlex.split(command, comments=True)
        words = [word for word in words if word not in ("--path", "--")]
        if words[0] == "--secret":
            key, _, member = words[1].partition(".")
            level = values.setdefault(f"{PROJECT}:{key}", {}) if member else values
            level[member or f"{PROJECT}:{key}"] = {"secure": "v1:abc"}
        elif verb == "rm":
            _remove_path(values, words[0])
        else:
            key, value = words
            set_path(values, f"{key}={'1' if value == '<value>' else value}", PROJECT)


def _remove_path(values: dict[str, Any], path: str) -> None:
    """What `pulumi config rm --path` does."""
    parts = re.findall(r'\[([0-9]+)\]|([^.\[\]"]+)|\["((?:[^"\\]|\\.)*)"\]', path)
    steps: list[Any] = [int(index) if index else name or quoted.replace('\\"', '"') for index, name, quoted in parts]
    level: Any = values
    for step in (steps[0] if ":" in steps[0] else f"{PROJECT}:{steps[0]}", *steps[1:-1]):
        if len(steps) == 1:
            break
        level = level[step]
    del level[(path if ":" in path else f"{PROJECT}:{path}") if len(steps) == 1 else steps[-1]]
