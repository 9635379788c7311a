"""A preview that failed is one in its file, whatever the engine wrote there."""

import json
from pathlib import Path

import pytest

from stackctl.deploy.preview_file import written_in_any_case
from stackctl.gate.model import parse
from stackctl.gate.report import report
from terminal.errors import LocalError, UsageError

STEP = {
    "op": "create",
    "urn": "urn:pulumi:dev::p::kubernetes:core/v1:ConfigMap::c",
    "newState": {"custom": True, "inputs": {}},
}
WHOLE = json.dumps({"steps": [STEP], "changeSummary": {"create": 1}})


def fail(file: Path, written: str) -> None:
    """A run that fails after the engine wrote something."""
    with written_in_any_case(file):
        assert file.read_text() == ""
        file.write_text(written)
        raise LocalError("the preview violates a policy")


def failed(file: Path, written: str) -> tuple[str, ...]:
    """What the report says after it."""
    with pytest.raises(LocalError, match="violates a policy"):
        fail(file, written)
    return report("dev", parse(file.read_text()), production=False).errors


@pytest.mark.parametrize("written", ["", WHOLE, WHOLE[:60], '{"steps": [], "diagnostics": null}'])
def test_a_failure_of_which_the_engine_wrote_nothing(tmp_path: Path, written: str) -> None:
    """The engine leaves violated policies out of its JSON: pkg/backend/display/json.go."""
    file = tmp_path / "dev.json"
    file.write_text("left by an earlier one")
    assert failed(file, written) == ("the preview violates a policy",)
    assert len(json.loads(file.read_text()).get("steps") or []) == (1 if written == WHOLE else 0)


def test_what_the_engine_says_itself_is_kept(tmp_path: Path) -> None:
    written = json.dumps({"steps": [STEP], "diagnostics": [{"severity": "error", "message": "the API server refuses"}]})
    assert failed(tmp_path / "dev.json", written) == ("the API server refuses",)
    assert (tmp_path / "dev.json").read_text() == written


def test_a_preview_that_succeeds_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    with written_in_any_case(file):
        file.write_text(WHOLE)
    assert file.read_text() == WHOLE
    with written_in_any_case(None):
        pass


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--json"), written_in_any_case(tmp_path / "no" / "such"):
        raise AssertionError("it ran")
