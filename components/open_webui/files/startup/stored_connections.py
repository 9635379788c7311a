"""Connections to models and tools of the stack's config, in Open WebUI's table of settings.

Open WebUI copies its variables into the table ``config`` once and reads the table from then on: on a database that has
been used, a changed variable has no effect. Of the kinds in ``STORED_CONNECTIONS`` each start of a pod writes the rows
again, as Open WebUI 0.12.4 makes them of the variables (its `config.py`). Every replica reads the table with each
request.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .database import Connection
from .output import log
from .stored_settings import write_rows

STORED_CONNECTIONS = "STORED_CONNECTIONS"
"""Variable with the kinds of settings, separated by commas."""

_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)")

Environment = Mapping[str, str]


def _openai(environment: Environment) -> dict[str, Any]:
    return {
        "openai.enable": _switch(environment["ENABLE_OPENAI_API"]),
        "openai.api_base_urls": _list(environment["OPENAI_API_BASE_URLS"]),
        "openai.api_keys": _list(environment["OPENAI_API_KEYS"]),
        "openai.api_configs": json.loads(environment["OPENAI_API_CONFIGS"]),
    }


def _ollama(environment: Environment) -> dict[str, Any]:
    return {
        "ollama.enable": _switch(environment["ENABLE_OLLAMA_API"]),
        "ollama.base_urls": _list(environment["OLLAMA_BASE_URLS"]),
        "ollama.api_configs": json.loads(environment["OLLAMA_API_CONFIGS"]),
    }


def _tools(environment: Environment) -> dict[str, Any]:
    return {"tool_server.connections": json.loads(environment["TOOL_SERVER_CONNECTIONS"])}


KINDS: Mapping[str, Callable[[Environment], dict[str, Any]]] = {"openai": _openai, "ollama": _ollama, "tools": _tools}
"""Kinds of settings, each with its rows."""

_JSON = {"openai": "OPENAI_API_CONFIGS", "ollama": "OLLAMA_API_CONFIGS", "tools": "TOOL_SERVER_CONNECTIONS"}


def connection_rows(environment: Environment) -> dict[str, Any]:
    """The rows of the table, by key.

    Raises `ValueError` where `connection_problems` has a reason.
    """
    rows: dict[str, Any] = {}
    for kind in _kinds(environment):
        rows |= KINDS[kind](environment)
    return rows


def connection_problems(environment: Environment) -> list[str]:
    """Why the connections cannot be stored: secrets that break the list or the JSON they are in. Quotes no secret."""
    return [problem for kind in _kinds(environment) for problem in _problems(kind, environment)]


def store_connections(connection: Connection, environment: Environment) -> None:
    """Write the rows that differ, and log their keys."""
    if changed := write_rows(connection, connection_rows(environment)):
        log(f"Connections of the stack stored: {', '.join(changed)}.")


def _problems(kind: str, environment: Environment) -> list[str]:
    name = _JSON[kind]
    try:
        rows = KINDS[kind](environment)
    except ValueError:
        return [f"{name} is not valid JSON: a secret in it contains a quotation mark, a backslash or a line break."]
    problems = []
    if kind == "openai" and len(rows["openai.api_keys"]) != len(rows["openai.api_base_urls"]):
        problems.append("OPENAI_API_KEYS has more keys than there are services: one of the keys contains a semicolon.")
    if unfilled := sorted({match[1] for text in _texts(rows) if (match := _REFERENCE.fullmatch(text))}):
        problems.append(f"The settings name secret variables that the container does not have: {', '.join(unfilled)}.")
    return problems


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def _kinds(environment: Environment) -> list[str]:
    return [kind for kind in environment.get(STORED_CONNECTIONS, "").split(",") if kind]


def _switch(text: str) -> bool:
    return text.lower() == "true"


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(";")]
