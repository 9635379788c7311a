"""What the program imports: every preview and every update waits for it."""

import subprocess
import sys

import pytest

from stack_config.files import ROOT

PROGRAM = """
import ast, pathlib, sys
imports = [node for node in ast.parse(pathlib.Path("__main__.py").read_text()).body
           if isinstance(node, ast.Import | ast.ImportFrom)]
exec(compile(ast.Module(imports, []), "__main__.py", "exec"))
print(*sys.modules, sep="\\n")
"""

NEEDED = {
    "components", "composition", "stack_config",
    "pulumi", "pulumi_kubernetes", "pulumi_random", "pydantic",
}  # fmt: skip
"""Top-level packages that the program imports itself."""

NOT_NEEDED = {
    "kubernetes",
    "requests",
    "rich",
    "typer",
    "psycopg",
    "redis",
    "devcluster",
    "emulators",
    "host",
    "policy",
    "stackctl",
    "terminal",
    "tests",
}
"""Packages of the other tools of this repository, most of them slow to import."""

API_GROUPS = {"batch.v1", "core.v1", "meta.v1", "networking.v1", "policy.v1"}
"""API groups of which every stack has an object. Others load when the first object of theirs is created."""


def modules(code: str) -> set[str]:
    """Names of all modules after the code, which prints them, has run in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Names of all modules after the imports of `__main__.py`."""
    return modules(PROGRAM)


def test_the_program_imports_no_package_of_the_other_tools(imported: set[str]) -> None:
    packages = {name.partition(".")[0] for name in imported}
    assert packages >= NEEDED
    assert not packages & NOT_NEEDED


def test_the_program_imports_only_the_api_groups_that_every_stack_has(imported: set[str]) -> None:
    prefix, suffix = "pulumi_kubernetes.", "._inputs"
    groups = {name.removeprefix(prefix).removesuffix(suffix) for name in imported if name.endswith(suffix)}
    assert groups - {"_inputs"} == API_GROUPS


def test_settings_do_not_import_pulumi() -> None:
    assert not modules("import stack_config.settings, sys; print(*sys.modules)") & {"pulumi", "pulumi_kubernetes"}


def test_an_emulator_does_not_import_the_sdk_or_the_kubernetes_client_at_its_start() -> None:
    code = """
import sys
from emulators.__main__ import skip_sdk_initialization
skip_sdk_initialization()
import emulators.kubernetes_provider, emulators.random_provider
print(*sys.modules)
"""
    actual = modules(code)
    assert "pulumi.runtime.proto" in actual
    assert not actual & {"kubernetes", "pydantic", "pulumi.resource", "yaml"}
