"""The import contracts of `pyproject.toml`: they hold, and each of them fails when an import runs upwards."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stack_config.files import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-logo", "--no-cache"], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms that the tests may break."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for room in ROOMS:
        ignored = shutil.ignore_patterns(".venv", "__pycache__")
        shutil.copytree(ROOT / room, copy / room, ignore=ignored)
    return copy


def test_no_import_runs_upwards(project: Path) -> None:
    done = lint(project)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("terminal/console.py", "host.directories"),
        ("host/locks.py", "stack_config.files"),
        ("policy/rules/rule.py", "components.blocks.names"),
        ("components/redis/component.py", "terminal.console"),
        ("components/blocks/names.py", "components.redis.settings"),
        ("components/redis/server/acl.py", "components.postgresql.settings"),
        ("stack_config/files.py", "devcluster.clusters_in_use"),
        ("emulators/plugin.py", "stack_config.files"),
        ("devcluster/clusters/kind.py", "stackctl.deployed.kubectl"),
        ("stackctl/drift/differences.py", "stackctl.gate.model"),
        ("stackctl/deployed/stack.py", "stackctl.verify.report"),
    ],
)
def test_an_upward_import_is_refused(project: Path, module: str, imported: str) -> None:
    file = project / module
    text = file.read_text()
    file.write_text(f"{text}\n\ndef _later() -> None:\n    import {imported}\n")
    try:
        done = lint(project)
    finally:
        file.write_text(text)
    assert done.returncode == 1
    name = module.removesuffix(".py").replace("/", ".")
    assert f"{name} -> {imported}" in done.stdout
