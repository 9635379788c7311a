"""The text of a stack file in which each key has its meaning as a comment."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from stack_config.first_stack import meaning_of
from stack_config.schema import PROJECT, SCHEMA_FILE

_WIDTH = 120


def stack_file(values: Mapping[str, Any]) -> str:
    """The text of a stack file.

    Args:
        values: the config by full key: ``open-webui-stack:namespace``.
    """
    plain = {key.removeprefix(f"{PROJECT}:"): value for key, value in values.items()}
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}", "config:"]
    return "\n".join([*lines, *_members(plain, (), f"  {PROJECT}:")]) + "\n"


def _members(values: Mapping[str, Any], parents: tuple[str, ...], prefix: str) -> Iterator[str]:
    """The lines of an object.

    Args:
        values: the object.
        parents: where it is.
        prefix: what comes before the names of its members.
    """
    indent = prefix[: len(prefix) - len(prefix.lstrip())]
    for name, value in values.items():
        meaning = meaning_of(*parents, name)
        # A name that the user chose has the meaning of the map.
        if meaning != meaning_of(*parents):
            width = _WIDTH - len(indent) - 2
            yield from (f"{indent}# {line}" for line in textwrap.wrap(meaning, width, break_on_hyphens=False))
        # JSON: YAML that needs no rules for quoting.
        key = name if name.isidentifier() else json.dumps(name)
        if isinstance(value, dict) and value:
            yield f"{prefix}{key}:"
            yield from _members(value, (*parents, name), f"{indent}  ")
        else:
            yield f"{prefix}{key}: {json.dumps(value, ensure_ascii=False)}"
