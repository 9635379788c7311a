"""A reader has a module in view, and a function on one screen."""

import ast
from collections.abc import Iterator

from .test_docs import SOURCES

MODULE_LINES, FUNCTION_LINES = 400, 50


def test_no_module_has_outgrown_its_subject() -> None:
    sizes = {str(path): path.read_text().count("\n") for path in SOURCES}
    assert len(sizes) > 300
    assert {path: lines for path, lines in sizes.items() if lines > MODULE_LINES} == {}


def functions(block: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions at any depth; only statements hold them, so no expression is looked into."""
    for statement in (s for name in _STATEMENTS for s in getattr(block, name, [])):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        yield from functions(statement)


_STATEMENTS = ("body", "orelse", "handlers", "finalbody", "cases")


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno
    return function.end_lineno - function.lineno + 1


def test_every_function_fits_on_a_screen() -> None:
    modules = {path: ast.parse(path.read_text()) for path in SOURCES if path.suffix == ".py"}
    sizes = {f"{path}:{f.name}": lines_of(f) for path, module in modules.items() for f in functions(module)}
    assert len(sizes) > 2000
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES} == {}
