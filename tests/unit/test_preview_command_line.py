"""`python -m stackctl.gate`: its exit codes, and what it says with them."""

import io
import sys
from pathlib import Path

import pytest

from stackctl.gate import __main__ as command_line
from stackctl.gate.marker import MARKER
from tests.support.previews import DIRECTORY


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: str = "") -> int:
    monkeypatch.setattr(sys, "argv", ["stackctl.gate", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    with pytest.raises(SystemExit) as end:
        command_line.application()
    return int(str(end.value.code))


def file(name: str) -> str:
    return str(DIRECTORY / f"{name}.json")


Captured = pytest.CaptureFixture[str]


def test_exit_code_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "comment.md"
    assert run(monkeypatch, f"dev={file('log-level')}", f"prod={file('new-prod')}", "--out", str(out)) == 0
    assert out.read_text().startswith(MARKER)
    assert capsys.readouterr() == ("", "")


def test_exit_code_1_and_the_label_that_makes_it_0(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, f"dev={file('storage-class')}") == 1
    printed = capsys.readouterr()
    assert printed.out.startswith(MARKER)
    assert "--labels allow-replace:dev/postgres-data" in printed.err
    labels = ("--labels", "bug, allow-replace:dev/postgres-data ,docs")
    assert run(monkeypatch, f"dev={file('storage-class')}", *labels) == 0
    assert "allowed by label" in capsys.readouterr().out


@pytest.mark.parametrize(
    "label",
    [
        "allow-replace: dev/postgres-data",
        "Allow-Replace:dev/postgres-data",
        "allow-replace:dev/PersistentVolumeClaim/postgres-data",
        "allow-replace:prod/postgres-data",
        "allow-everything",
        "allow`|<b>",
    ],
)
def test_a_label_with_a_mistake_in_it_allows_nothing_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, label: str
) -> None:
    assert run(monkeypatch, f"dev={file('storage-class')}", "--labels", f"allowance,{label}, ,") == 1
    printed = capsys.readouterr().out
    assert f"These labels allow nothing here: `{label.replace('`', chr(39))}`, `allowance`." in printed


def test_a_preview_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, "dev=-", stdin=Path(file("namespace")).read_text()) == 1
    assert "Namespace/namespace" in capsys.readouterr().out


def test_other_environments_can_be_production(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, f"dev={file('one-replica')}") == 0
    assert run(monkeypatch, f"prod={file('one-replica')}") == 1
    assert run(monkeypatch, f"dev={file('one-replica')}", "--production", "dev") == 1


def test_a_failed_preview_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, f"dev={file('official-14-bad-label')}") == 1
    assert "dev: the preview failed" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "Previewing update (dev):", '{"steps": [', None, b"\xff\xfe"])
def test_a_file_that_is_no_preview_is_told_in_the_comment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured, content: str | bytes | None
) -> None:
    """Else the pull request keeps the comment on an earlier commit, which may say that nothing is dangerous."""
    written, out = tmp_path / "dev.json", tmp_path / "comment.md"
    if content is not None:
        written.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = (f"dev={written}", f"prod={file('no-change')}", "--out", str(out), "--commit", "0a1b2c3")
    assert run(monkeypatch, *given) == 2
    assert "make preview ENV=dev" in capsys.readouterr().err
    text = out.read_text()
    assert "## ❌ The preview of dev failed\n\nPreview of `0a1b2c3`." in text
    assert "the file of the preview cannot be read" in text
    assert "### `prod`: no changes" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("dev",), "expected ENV=FILE"),
        (("dev=",), "expected ENV=FILE"),
        (("dev=no-such-file.json",), "No such file"),
        (("dev=-", "dev=-"), "named twice"),
        (("dev=-", "prod=-"), "only one preview"),
        (("de v=-",), "letters, digits"),
        (("dev=-",), "it is empty"),
        ((f"dev={file('no-change')}", "--out", "/no/such/directory/x"), "--out"),
        ((), "Missing argument"),
    ],
)
def test_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: Captured, arguments: tuple[str, ...], told: str) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert told in capsys.readouterr().err
