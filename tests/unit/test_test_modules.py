"""The modules of the tests themselves: what two of them need is in `tests/support`, or a fixture of a conftest.py."""

import ast
from pathlib import Path

from stack_config.files import ROOT

TESTS = ROOT / "tests"


def is_collected(name: str) -> bool:
    """Whether pytest itself loads a module of that dotted name: a test module or a conftest."""
    last = name.rpartition(".")[2]
    return last.startswith("test_") or last == "conftest"


def imported(text: str, path: Path) -> list[str]:
    """Dotted names below `tests` that the text of a file imports, of modules and of what is in them."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            package = path.relative_to(ROOT).parts[: -node.level]
            base = ".".join([*package, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.partition(".")[0] == "tests"]


def test_no_test_module_imports_another() -> None:
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 100
    # A name of a module, not of a function that a module defines.
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    actual = {
        str(file.relative_to(ROOT)): names
        for file in files
        if (names := [name for name in imported(file.read_text(), file) if name in modules and is_collected(name)])
    }
    assert actual == {}


def test_every_form_of_an_import_is_seen() -> None:
    forms = {
        "import tests.servers.test_serve": "tests.servers.test_serve",
        "from tests.servers import test_serve": "tests.servers.test_serve",
        "from tests.servers.conftest import directory": "tests.servers.conftest",
        "from . import test_serve": "tests.servers.test_serve",
        "from .test_serve import serving": "tests.servers.test_serve",
        "from ..unit.test_docs import code": "tests.unit.test_docs",
    }
    for statement, module in forms.items():
        assert module in imported(statement, TESTS / "servers" / "helpers.py"), statement
