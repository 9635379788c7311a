"""Completion, descriptions and errors of a stack file in an editor: a real language server, bound as the docs say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from stack_config.config_docs import TABLE_START
from stack_config.files import ROOT, stack_file
from stack_config.keys import config_keys
from stack_config.schema import described_default
from tests.support.servers.editor_scenes import check_or_record, recorded
from tests.support.servers.language_server import Editor, editor

FILE = stack_file("dev")
TEXT = FILE.read_text()
FIRST_LINE = TEXT.splitlines()[0]
WEB = "  open-webui-stack:openWebui:\n"
LOG_LEVEL = "    logLevel: DEBUG\n"
PAGE = (ROOT / "docs" / "configuration.md").read_text().partition(TABLE_START)[0]


@pytest.fixture(scope="module")
def editing() -> Iterator[Editor]:
    with editor() as client:
        yield client


def members(path: str) -> set[str]:
    """The names of the members of an object of the config."""
    return {key.removeprefix(f"{path}.").partition(".")[0] for key in config_keys() if key.startswith(f"{path}.")}


def completed(client: Editor, text: str, typed: str) -> dict[str, dict[str, Any]]:
    """The proposals at the end of what was typed, by their labels."""
    with client.opened(FILE, text) as document:
        items = client.complete(document, document.position(typed))
    assert len({item["label"] for item in items}) == len(items)
    return {item["label"]: item for item in items}


def marked(client: Editor, text: str) -> list[tuple[str, str]]:
    """The words that the server marks in the text, with the messages."""
    lines = text.splitlines()
    with client.opened(FILE, text):
        diagnostics = client.diagnostics()
    return [(word(lines, each["range"]), each["message"]) for each in diagnostics]


def word(lines: list[str], place: dict[str, dict[str, int]]) -> str:
    start, end = place["start"], place["end"]
    assert start["line"] == end["line"]
    return lines[start["line"]][start["character"] : end["character"]]


def test_keys_of_an_object_that_the_file_does_not_have_are_proposed(editing: Editor) -> None:
    assert f"```yaml\n{FIRST_LINE}\n```" in PAGE
    typed = f"{WEB}    "
    proposed = completed(editing, TEXT.replace(WEB, f"{typed}\n"), typed)
    assert set(proposed) == members("openWebui") - {"logLevel", "uploads", "resources"}
    key = config_keys()["openWebui.replicas"]
    assert proposed["replicas"]["documentation"] == f"{key.description}{described_default(key.default)}"
    # The default is selected, so that the next key press replaces it.
    assert proposed["replicas"]["textEdit"]["newText"] == f"replicas: ${{1:{key.default}}}"
    assert proposed["version"]["textEdit"]["newText"] == "version: "


def test_a_completed_object_has_no_members_that_only_repeat_defaults(editing: Editor) -> None:
    proposed = completed(editing, f"{FIRST_LINE}\nconfig:\n  \n", "config:\n  ")
    assert len(proposed) > 50
    for name in ("openWebui", "open-webui-stack:postgresql", "backup"):
        assert proposed[name]["textEdit"]["newText"] == f"{name}:\n  "


@pytest.mark.parametrize("path", ["openWebui.logLevel", "redis.topology"])
def test_the_values_of_a_key_are_proposed(editing: Editor, path: str) -> None:
    component, _, name = path.partition(".")
    typed = f"  {component}:\n    {name}: "
    proposed = completed(editing, f"{FIRST_LINE}\nconfig:\n{typed}\n", typed)
    assert [*proposed] == config_keys()[path].choices


def test_a_key_has_its_description_and_its_default(editing: Editor) -> None:
    with editing.opened(FILE, TEXT) as document:
        shown = editing.hover(document, document.position("    logL"))
    assert shown
    text = re.sub(r"\\(.)", r"\1", shown["contents"]["value"])
    key = config_keys()["openWebui.logLevel"]
    assert text.startswith("#### Stack file of Open WebUI Stack\n")
    assert f"{key.description} Default: `{key.default}`." in text
    assert re.findall(r"^\* `(\w+)`$", text, re.MULTILINE) == key.choices


def test_the_files_of_the_repository_have_no_errors(editing: Editor) -> None:
    assert marked(editing, TEXT) == []
    assert marked(editing, stack_file("prod").read_text()) == []


def test_a_misspelt_key_and_an_invalid_value_are_marked(editing: Editor) -> None:
    text = TEXT.replace(LOG_LEVEL, "    replica: 3\n    logLevel: VERBOSE\n")
    assert marked(editing, text) == [
        ("replica", "Property replica is not allowed."),
        ("VERBOSE", 'Value is not accepted. Valid values: "DEBUG", "INFO", "WARNING", "ERROR".'),
    ]


def test_a_plain_secret_is_marked(editing: Editor) -> None:
    [(text, _)] = marked(editing, f"{TEXT}  open-webui-stack:openaiApiKey: sk-plain\n")
    assert text == "sk-plain"


def test_the_setting_of_the_page_binds_files_without_the_line() -> None:
    [setting] = re.findall(r"```json\n(.+)\n```", PAGE)
    section, name = next(iter(json.loads(setting))).split(".")
    assert section == "yaml"
    with editor({name: json.loads(setting)[f"{section}.{name}"]}) as client:
        text = TEXT.replace(f"{FIRST_LINE}\n", "").replace(LOG_LEVEL, "    logLevel: VERBOSE\n")
        assert [word for word, _ in marked(client, text)] == ["VERBOSE"]
    with editor() as client:
        assert marked(client, text) == []


def test_the_picture_of_the_page_shows_what_the_server_answers(editing: Editor) -> None:
    check_or_record(recorded(editing))
