"""The result of `stackctl drift` as metrics, and its input from a refresh that pulumi made."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackctl.drift import report
from stackctl.drift.differences import Comparison, Drift
from stackctl.drift.events import comparison_in
from stackctl.drift.metrics import metrics_text
from terminal.errors import LocalError, UsageError
from tests.support.unit.command_line import CommandLine

URN = "urn:pulumi:prod::open-webui-stack::kubernetes:core/v1:Service::redis-service"
DRIFTED = Comparison(drifts=(Drift(resource="Service redis-service", deleted=True),), ended=1_796_000_000)
TEXT = """\
# HELP open_webui_stack_drift_objects Objects of the cluster that differ from the last update.
# TYPE open_webui_stack_drift_objects gauge
open_webui_stack_drift_objects{environment="prod",namespace="rag-system"} 1
# HELP open_webui_stack_drift_compared_timestamp_seconds When the last complete comparison ended.
# TYPE open_webui_stack_drift_compared_timestamp_seconds gauge
open_webui_stack_drift_compared_timestamp_seconds{environment="prod",namespace="rag-system"} 1796000000
"""


def event(sequence: int, **kind: object) -> str:
    return json.dumps({"sequence": sequence, "timestamp": 1_795_999_990 + sequence, **kind}) + "\n"


def metadata(op: str, urn: str = URN) -> dict[str, Any]:
    state = {"type": "kubernetes:core/v1:Service", "urn": urn, "inputs": {}, "outputs": {}, "id": "", "parent": ""}
    return {"op": op, "urn": urn, "type": "kubernetes:core/v1:Service", "old": state, "new": state, "provider": ""}


BEGIN = event(1, preludeEvent={"config": {}})
READ = event(2, resourcePreEvent={"metadata": metadata("refresh"), "planning": True})
DELETED = event(3, resOutputsEvent={"metadata": metadata("delete"), "planning": True})
SAME = event(3, resOutputsEvent={"metadata": metadata("same"), "planning": True})
END = event(
    10, summaryEvent={"maybeCorrupt": False, "durationSeconds": 9, "resourceChanges": {"delete": 1}, "PolicyPacks": {}}
)
FAILED = event(4, diagnosticEvent={"message": "connection refused\n", "color": "never", "severity": "error"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drift.prom"


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., str]:
    """Function that writes events; the path of their file."""

    def write(*lines: str) -> str:
        path = tmp_path / "events.json"
        path.write_text("".join(lines))
        return str(path)

    return write


def test_the_metrics_of_a_comparison() -> None:
    assert metrics_text(DRIFTED, environment="prod", namespace="rag-system") == TEXT


def test_a_refresh_by_pulumi_is_reported_and_measured(
    stackctl: CommandLine, events: Callable[..., str], file: Path
) -> None:
    ended = stackctl("drift", "--env", "prod", "--events", events(BEGIN, READ, DELETED, END), "--metrics", str(file))
    assert ended.code == 2
    assert ended.out == "deleted  Service redis-service\n"
    assert "To put the config back: pulumi up --refresh --stack prod" in ended.err
    assert file.read_text() == TEXT
    # node_exporter runs as another user.
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_namespace_of_a_stack_of_pulumi_is_not_that_of_the_last_up_of_this_machine(
    stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch, events: Callable[..., str], file: Path, tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    last = tmp_path / "project" / "Pulumi.prod.yaml"
    last.write_text("config:\n  open-webui-stack:namespace: elsewhere\n")
    monkeypatch.setattr("stackctl.deployed.target.environments_in_use", lambda: ["prod"])
    monkeypatch.setattr("stackctl.deployed.target.environment_directory", lambda _: tmp_path)
    monkeypatch.setattr(report, "_compared", lambda _: DRIFTED)

    stackctl("drift", "--env", "prod", "--metrics", str(file))
    assert file.read_text() == TEXT.replace("rag-system", "elsewhere")
    stackctl("drift", "--env", "prod", "--events", events(BEGIN, READ, DELETED, END), "--metrics", str(file))
    assert file.read_text() == TEXT


def test_a_refresh_without_differences(stackctl: CommandLine, events: Callable[..., str], file: Path) -> None:
    ended = stackctl("drift", "--env", "prod", "--events", events(BEGIN, READ, SAME, END), "--metrics", str(file))
    assert (ended.code, ended.out) == (0, "prod: no drift\n")
    assert file.read_text() == TEXT.replace("} 1\n", "} 0\n")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((BEGIN, READ, FAILED, END), "comparison failed\nconnection refused"),
        ((BEGIN, READ, DELETED), "the comparison was not completed"),
        (
            (BEGIN, READ, event(4, resOpFailedEvent={"metadata": metadata("refresh"), "status": 1, "steps": 1}), END),
            "redis-service could not be read",
        ),
    ],
)
def test_a_failed_comparison_changes_no_metrics(
    stackctl: CommandLine, events: Callable[..., str], file: Path, lines: tuple[str, ...], message: str
) -> None:
    file.write_text(TEXT)
    ended = stackctl("drift", "--env", "prod", "--events", events(*lines), "--metrics", str(file))
    assert ended.code == 1
    assert message in ended.err
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("error: no stack named 'prod' found\n",),
        # What the CLI prints without streaming.
        (json.dumps({"steps": [], "changeSummary": {"same": 1}}, indent=4),),
        # A preview of an update.
        (BEGIN, event(2, resourcePreEvent={"metadata": metadata("update"), "planning": True}), END),
        # Another stack.
        (
            BEGIN,
            event(2, resourcePreEvent={"metadata": metadata("refresh", URN.replace(":prod:", ":dev:"))}),
            END,
        ),
    ],
)
def test_other_files_are_refused_with_the_command_that_writes_events(
    events: Callable[..., str], lines: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError, match=r"STREAMING_JSON_PREVIEW=true pulumi refresh --stack prod --preview-only"):
        comparison_in(Path(events(*lines)), "prod")


@pytest.mark.parametrize("place", ["missing/drift.prom", ""])
def test_a_file_that_cannot_be_written_is_refused_before_the_comparison(
    stackctl: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(report, "_compared", lambda _: pytest.fail("compared"))
    ended = stackctl("drift", "--env", "prod", "--metrics", str(tmp_path / place))
    assert ended.code == 2
    assert f"--metrics {tmp_path / place}: " in ended.err


def test_a_comparison_by_the_engine_is_measured_and_a_failure_is_not(
    stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr(report, "_compared", lambda _: DRIFTED)
    assert stackctl("drift", "--env", "prod", "--metrics", str(file)).code == 2
    assert file.read_text() == TEXT

    def fail(_: str) -> Comparison:
        raise LocalError("comparison failed")

    monkeypatch.setattr(report, "_compared", fail)
    assert stackctl("drift", "--env", "prod", "--metrics", str(file)).code == 1
    assert file.read_text() == TEXT


def test_a_full_disk_leaves_the_earlier_metrics(
    stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    file.write_text("earlier")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "_compared", lambda _: DRIFTED)
    monkeypatch.setattr("host.directories.os.fchmod", refuse)
    ended = stackctl("drift", "--env", "prod", "--metrics", str(file))
    assert (ended.code, "No space left on device" in ended.err) == (1, True)
    assert file.read_text() == "earlier"
    assert os.listdir(file.parent) == [file.name]


def test_labels_are_escaped() -> None:
    text = metrics_text(DRIFTED, environment='a"b\\c\nd', namespace="n")
    assert r'{environment="a\"b\\c\nd",namespace="n"} 1' in text
