"""A component exports the names of its objects in `names.py`, and no other module writes one of them again."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from stack_config.files import ROOT
from tests.support.unit.documentation import SOURCES
from tests.support.unit.recording import Recording

NAMES = {
    path.parent.name: path for path in sorted((ROOT / "components").glob("*/names.py")) if path.parent.name != "blocks"
}

# Names that are ordinary words, programs or names of products as well.
WORDS = frozenset({"redis", "postgres", "http", "password", "email", "quota", "ollama", "openwebui", "tika"}) | {
    *("bucket", "record", "uploads", "backup")
}

NOT_NAMES = {
    ("components/redis/server/acl.py", "open-webui"): "prefix of the application's keys",
    ("components/redis/server/stored_data.py", "redis-data"): "logical name of what is remembered",
    ("components/redis/topologies/sentinel.py", "redis-sentinel"): "group of alerts",
    ("components/open_webui/pod.py", "redis-ca"): "name of a volume of the pod",
}
"""Module and text of what only looks like a name, and what it is."""


def exported(component: str) -> set[str]:
    """The names that a component exports."""
    module = import_module(f"components.{component}.names")
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def literals(source: Path) -> Iterator[tuple[int, str]]:
    """Line and value of every string in a module, f-strings and examples of config values aside."""
    tree = ast.parse(source.read_text())
    keywords = [
        node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg in ("example", "examples", "fix")
    ]
    skipped = [*keywords, *(node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))]
    parts = {id(part) for each in skipped for part in ast.walk(each)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def retyped(source: Path) -> list[str]:
    """Where a module writes a name that a component exports."""
    names = {name for component in NAMES for name in exported(component)} - WORDS
    path = str(source.relative_to(ROOT))
    return [
        f"{path}:{line}: {value}"
        for line, value in literals(source)
        if value in names and (path, value) not in NOT_NAMES
    ]


def test_no_module_types_a_name_again() -> None:
    modules = [
        source
        for source in SOURCES
        if source.suffix == ".py"
        and source.relative_to(ROOT).parts[0] not in ("tests", "scripts")
        and source not in NAMES.values()
        # The logical names of the components.
        and source.relative_to(ROOT).parts != ("composition", "stack.py")
        and source.name != "__main__.py"
    ]
    assert len(modules) > 150
    assert [actual for module in modules for actual in retyped(module)] == []


def test_a_name_that_is_typed_again_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('SECRET = "postgresql-secret"\n')
    assert [value for _, value in literals(module)] == ["postgresql-secret"]
    assert "postgresql-secret" in exported("postgresql")


@pytest.mark.parametrize("component", NAMES)
def test_names_import_nothing_of_pulumi(component: str) -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(NAMES[component].read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported <= {"blocks.labels"}


def test_every_object_has_an_exported_name(prod: Recording) -> None:
    names = {name for component in NAMES for name in exported(component)}
    objects = [
        r for r in prod.objects if r.kind != "Namespace" and r.inputs["metadata"]["labels"].get("app") != "redis"
    ]
    actual = {r.inputs["metadata"]["name"] for r in objects}
    assert {name for name in actual if name not in names and not name.startswith("open-webui-startup-")} == set()
