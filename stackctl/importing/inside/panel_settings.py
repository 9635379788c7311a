"""Settings of the admin panel that the import takes from the source, and those that variables of the stack set."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_LOCAL = re.compile(
    r"//(localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|host\.docker\.internal)(?![\w.-])", re.IGNORECASE
)


def decided_settings(source: str, variables: Iterable[str]) -> frozenset[str]:
    """Keys of the settings whose default depends on one of the variables.

    Args:
        source: text of ``open_webui/config.py``: its `DEFAULT_CONFIG` names the Python name of each setting's default.
        variables: names of environment variables.
    """
    uses: dict[str, set[str]] = {}
    settings: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id == "DEFAULT_CONFIG" and isinstance(node.value, ast.Dict):
                settings = {
                    str(key.value): set(_names(value))
                    for key, value in zip(node.value.keys, node.value.values, strict=True)
                    if isinstance(key, ast.Constant)
                }
            else:
                uses.setdefault(node.targets[0].id, set()).update(_names(node.value))
    decided = {f"${name}" for name in variables}
    while grown := {name for name, used in uses.items() if name not in decided and used & decided}:
        decided |= grown
    return frozenset(key for key, names in settings.items() if names & decided)


def _names(expression: ast.expr) -> Iterator[str]:
    """Python names in an expression, and the variables that it reads with a ``$`` before them."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.getenv", "os.environ.get"):
            yield from (f"${each.value!s}" for each in node.args[:1] if isinstance(each, ast.Constant))


def read_source(package: Path) -> str:
    """Text of ``open_webui/config.py``."""
    return (package / "config.py").read_text(encoding="utf-8")


def local_settings(settings: Mapping[str, str | None]) -> list[str]:
    """Keys of the settings with a URL that leads to the source's own machine.

    Args:
        settings: values as JSON, by key.
    """
    return sorted(
        key for key, value in settings.items() if value and any(map(_LOCAL.search, _texts(json.loads(value))))
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *_texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
