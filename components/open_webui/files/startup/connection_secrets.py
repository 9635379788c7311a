"""Checks that secrets do not break the lists and the JSON of the connections to models and tools."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .stored_keys import KEYS
from .stored_settings import set_by_config

_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)")
_JSON = ("OPENAI_API_CONFIGS", "OLLAMA_API_CONFIGS", "TOOL_SERVER_CONNECTIONS")
_URLS, _KEYS = "OPENAI_API_BASE_URLS", "OPENAI_API_KEYS"


def connection_problems(environment: Mapping[str, str]) -> list[str]:
    """Why the connections of the config cannot be stored. Quotes no secret."""
    names = [name for name in (*_JSON, _URLS, _KEYS) if name in set_by_config(environment)]
    values: dict[str, Any] = {}
    problems = []
    for name in names:
        try:
            values[name] = KEYS[name][1](environment[name])
        except ValueError:
            problems.append(
                f"{name} is not valid JSON: a secret in it contains a quotation mark, a backslash or a line break."
            )
    if len(values.get(_KEYS, ())) != len(values.get(_URLS, ())):
        problems.append("OPENAI_API_KEYS has more keys than there are services: one of the keys contains a semicolon.")
    if unfilled := sorted({match[1] for text in _texts(values) if (match := _REFERENCE.fullmatch(text))}):
        problems.append(f"The settings name secret variables that the container does not have: {', '.join(unfilled)}.")
    return problems


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)
