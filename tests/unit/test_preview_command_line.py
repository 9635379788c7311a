"""`stackctl gate`: its exit codes and messages."""

from pathlib import Path

import pytest

from stackctl.gate.marker import MARKER
from tests.support.previews import DIRECTORY
from tests.support.unit.command_line import CommandLine


def file(name: str) -> str:
    return str(DIRECTORY / f"{name}.json")


def test_exit_code_0(stackctl: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "comment.md"
    ended = stackctl("gate", f"dev={file('log-level')}", f"prod={file('new-prod')}", "--out", str(out))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert out.read_text().startswith(MARKER)


def test_exit_code_1_and_the_label_that_makes_it_0(stackctl: CommandLine) -> None:
    ended = stackctl("gate", f"dev={file('storage-class')}")
    assert ended.code == 1
    assert ended.out.startswith(MARKER)
    assert "--labels allow-replace:dev/postgres-data" in ended.err
    labels = ("--labels", "bug, allow-replace:dev/postgres-data ,docs")
    ended = stackctl("gate", f"dev={file('storage-class')}", *labels)
    assert ended.code == 0
    assert "allowed by label" in ended.out


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
def test_an_invalid_label_allows_nothing_and_is_named(stackctl: CommandLine, label: str) -> None:
    ended = stackctl("gate", f"dev={file('storage-class')}", "--labels", f"allowance,{label}, ,")
    assert ended.code == 1
    assert f"These labels do not allow anything here: `{label.replace('`', chr(39))}`, `allowance`." in ended.out


def test_a_preview_from_stdin(stackctl: CommandLine) -> None:
    ended = stackctl("gate", "dev=-", stdin=Path(file("namespace")).read_text())
    assert ended.code == 1
    assert "Namespace/namespace" in ended.out


def test_other_environments_can_be_production(stackctl: CommandLine) -> None:
    assert stackctl("gate", f"dev={file('one-replica')}").code == 0
    assert stackctl("gate", f"prod={file('one-replica')}").code == 1
    assert stackctl("gate", f"dev={file('one-replica')}", "--production", "dev").code == 1


def test_a_failed_preview_is_exit_code_1(stackctl: CommandLine) -> None:
    ended = stackctl("gate", f"dev={file('official-14-bad-label')}")
    assert ended.code == 1
    assert "dev: the preview failed" in ended.err


@pytest.mark.parametrize("content", ["", "Previewing update (dev):", '{"steps": [', None, b"\xff\xfe"])
def test_a_file_that_is_no_preview_is_told_in_the_comment(
    stackctl: CommandLine, tmp_path: Path, content: str | bytes | None
) -> None:
    """Else the pull request keeps the comment on an earlier commit, which may say that nothing is dangerous."""
    written, out = tmp_path / "dev.json", tmp_path / "comment.md"
    if content is not None:
        written.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = (f"dev={written}", f"prod={file('no-change')}", "--out", str(out), "--commit", "0a1b2c3")
    ended = stackctl("gate", *arguments)
    assert ended.code == 2
    assert f"stackctl preview --env dev --json {written}" in ended.err
    text = out.read_text()
    assert "## ❌ The preview of dev failed\n\nPreview of `0a1b2c3`." in text
    assert "the file of the preview cannot be read" in text
    assert "### `prod`: no changes" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_exit_code_2(stackctl: CommandLine, arguments: tuple[str, ...], message: str) -> None:
    ended = stackctl("gate", *arguments)
    assert ended.code == 2
    assert message in ended.err
