"""A reader has a module in view, and a function on one screen."""

import ast

from tests.support.unit.documentation import SOURCES

MODULE_LINES, FUNCTION_LINES = 400, 50


def test_no_module_has_outgrown_its_subject() -> None:
    sizes = {str(path): path.read_text().count("\n") for path in SOURCES}
    assert len(sizes) > 300
    assert {path: lines for path, lines in sizes.items() if lines > MODULE_LINES} == {}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno
    return function.end_lineno - function.lineno + 1


def test_every_function_fits_on_a_screen() -> None:
    sizes = {
        f"{path}:{node.lineno}: {node.name}": lines_of(node)
        for path in SOURCES
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(sizes) > 2000
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES} == {}
