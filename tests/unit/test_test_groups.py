"""The tests that share servers run in one worker."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from stack_config.files import ROOT
from tests.support.servers.groups import GROUPS, LONG, group_of, place_of

SERVERS = ROOT / "tests" / "servers"
CONFTEST = """
from tests.support.scheduling import GroupScheduling

def pytest_xdist_make_scheduler(config, log):
    return GroupScheduling(config, log, lambda nodeid: "shared" if "shared" in nodeid else nodeid)
"""
TESTS = """
import os
import pathlib
import time
import pytest

@pytest.mark.parametrize("number", range(20))
def test_shared(number):
    print("shared by", os.environ["PYTEST_XDIST_WORKER"])

@pytest.mark.parametrize("number", range(20))
def test_alone(number):
    # Where the other worker starts late, these would all be over before it asks for one.
    pathlib.Path(os.environ["PYTEST_XDIST_WORKER"]).touch()
    deadline = time.monotonic() + 60
    while len(list(pathlib.Path().glob("gw*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    print("alone in", os.environ["PYTEST_XDIST_WORKER"])
"""


def shares_servers(file: Path) -> bool:
    """Whether a test file asks for the fixture `web`, or has a fixture of the module that holds or makes something."""
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if any("web" in {argument.arg for argument in function.args.args} for function in functions):
        return True
    imported = [
        each for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for each in imported_functions(node)
    ]
    return any(map(holds_servers, [*functions, *imported]))


def imported_functions(node: ast.ImportFrom) -> list[ast.FunctionDef]:
    """The functions that are imported under their own name, as fixtures are."""
    names = {alias.name for alias in node.names if alias.asname == alias.name}
    if not names or not (node.module or "").startswith("tests.support."):
        return []
    tree = ast.parse((ROOT / f"{(node.module or '').replace('.', '/')}.py").read_text())
    return [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name in names]


def holds_servers(function: ast.FunctionDef) -> bool:
    """Whether it is a fixture of the module that holds something, or that makes files."""
    decorators = " ".join(map(ast.unparse, function.decorator_list))
    makes = "tmp_path_factory" in {argument.arg for argument in function.args.args}
    holds = makes or any(isinstance(node, ast.Yield) for node in ast.walk(function))
    return holds and re.search(r"fixture\(.*scope='module'", decorators) is not None


def test_every_file_whose_tests_share_servers_has_a_group() -> None:
    assert {file.name for file in SERVERS.glob("test_*.py") if shares_servers(file)} == set(GROUPS)


def test_the_long_files_exist() -> None:
    assert [name for name in LONG if not (SERVERS / name).exists()] == []


def test_each_engine_has_a_group_of_its_own() -> None:
    name = "tests/servers/test_redis_acl.py::test_open_webui_may_not"
    assert group_of(f"{name}[redis-FLUSHALL]") == group_of(f"{name}[redis-KEYS *]")
    assert group_of(f"{name}[redis-FLUSHALL]") != group_of(f"{name}[valkey-FLUSHALL]")
    alone = "tests/servers/test_serve.py::test_a_second_signal_ends_the_drain"
    assert group_of(alone) == alone
    assert place_of(alone) > place_of(f"{name}[redis-FLUSHALL]")


def test_a_group_runs_in_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_them.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-rP", "-n", "2", "-p", "no:cacheprovider", "test_them.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^shared by gw\d$", done.stdout, re.MULTILINE)) == 20
    assert len(set(re.findall(r"^shared by (gw\d)$", done.stdout, re.MULTILINE))) == 1
    assert len(set(re.findall(r"^alone in (gw\d)$", done.stdout, re.MULTILINE))) > 1
