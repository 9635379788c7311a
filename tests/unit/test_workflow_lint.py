"""The linters of the workflows find what they are there for. A stand-in takes the place of the built actionlint."""

from pathlib import Path

import pytest

from local.errors import LocalError
from ops import workflow_lint

CLEAN = "actions/checkout@9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0 # v7.0.0\n        with: {persist-credentials: false}"
WORKFLOW = """\
name: Test
on: push
permissions: {}
concurrency: {group: "${{ github.ref }}", cancel-in-progress: true}
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    steps:
      - uses: USES
"""


@pytest.fixture
def actionlint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that has no findings."""
    program = tmp_path / "actionlint"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setattr(workflow_lint, "build", lambda _program: program)
    return program


def project(directory: Path, uses: str) -> Path:
    workflows = directory / workflow_lint.WORKFLOWS
    workflows.mkdir(parents=True)
    (workflows / "test.yml").write_text(WORKFLOW.replace("USES", uses))
    return directory


@pytest.mark.usefixtures("actionlint")
@pytest.mark.parametrize(("uses", "code"), [(CLEAN, 0), ("actions/checkout@v7", 1)])
def test_zizmor_finds_an_action_without_pin(tmp_path: Path, uses: str, code: int) -> None:
    assert workflow_lint.main(project(tmp_path, uses)) == code


def test_a_finding_of_actionlint_alone_counts(tmp_path: Path, actionlint: Path) -> None:
    actionlint.write_text("#!/bin/sh\nexit 1\n")
    assert workflow_lint.main(project(tmp_path, CLEAN)) == 1


@pytest.mark.usefixtures("actionlint")
def test_no_workflow_is_no_success(tmp_path: Path) -> None:
    assert workflow_lint.main(tmp_path) == 1


def test_that_actionlint_cannot_be_built_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_program: object) -> Path:
        raise LocalError("Go is missing")

    monkeypatch.setattr(workflow_lint, "build", fail)
    assert workflow_lint.main(project(tmp_path, CLEAN)) == 1
    assert "Go is missing" in capsys.readouterr().err
