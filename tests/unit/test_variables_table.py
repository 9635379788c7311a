"""The table of environment variables: complete, and read from a release whatever way its sources take."""

import ast
import json
from pathlib import Path

import pytest

from components.open_webui.variable_rules import CONDITIONS
from components.open_webui.variables import CLASSES_FILE, TABLE_FILE, VariableClass, variable_table
from stack_config.files import ROOT
from stack_config.settings import StackSettings
from stackctl.variables.classes import ClassesError, differences, read_classes, readings_of, table, unclassified
from stackctl.variables.reading import Reading, ReadingError, read_sources
from tests.support.unit.command_line import CommandLine


def test_the_table_is_what_the_classes_and_the_release_say() -> None:
    readings = readings_of(json.loads(TABLE_FILE.read_text()))
    classes = read_classes(CLASSES_FILE)
    assert table(classes, readings) == TABLE_FILE.read_text(), "run: python -m stackctl variables generate"
    assert classes.release == StackSettings.model_validate({"kubeContext": "any"}).open_webui.version
    assert len(readings) > 900


def test_every_class_has_members_and_every_condition_is_used() -> None:
    assert {variable.rule.kind for variable in variable_table().read} == set(VariableClass)
    # Those of libraries among them, which have prefixes.
    rules = json.loads(TABLE_FILE.read_text())["rules"].values()
    assert {rule["condition"] for rule in rules if "condition" in rule} == set(CONDITIONS)


def test_a_name_without_a_class_is_named_with_where_it_is_read() -> None:
    classes = read_classes(CLASSES_FILE)
    readings = readings_of(json.loads(TABLE_FILE.read_text()))
    new = {**readings, "ENABLE_SOMETHING": Reading(places=("env.py:1",), default="'True'")}
    gone = {name: reading for name, reading in readings.items() if name != "WEBUI_NAME"}
    assert unclassified(classes, new) == ["ENABLE_SOMETHING has no class (env.py:1)"]
    with pytest.raises(ClassesError, match="ENABLE_SOMETHING"):
        table(classes, new)
    with pytest.raises(ClassesError, match="WEBUI_NAME has a class and is not read"):
        table(classes, gone)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{class: refused, names: A}", "A: class refused needs a key or a reason"),
        ("{class: stack, names: A}", "A: class stack needs a key or a reason"),
        ("{class: conditional, reason: R., names: A}", "A: a condition goes with"),
        ("{class: conditional, condition: full-moon, reason: R., names: A}", "full-moon is not one of"),
        ("{class: allowed, condition: openai, names: A}", "A: a condition goes with"),
        ("{class: secret, warning: w, names: A}", "A: a warning goes with"),
        ("{class: allowed, names: A A}", "A has two classes"),
        ("{class: allowed, note: x, names: A}", "not a member of a group: note"),
    ],
)
def test_a_rule_that_is_not_one_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "variables.yaml"
    file.write_text(f"release: 1.0.0\ngroups:\n  - {text}\nlibraries: []\n")
    with pytest.raises(ClassesError, match=message):
        read_classes(file)


def test_differences_of_releases_leave_line_numbers_out() -> None:
    before = {
        "A": Reading(places=("env.py:1",), default="'x'"),
        "B": Reading(places=("env.py:2",), default=None),
        "C": Reading(places=("env.py:3",), default=None),
        "D": Reading(places=("env.py:4",), default=None),
    }
    after = {
        "A": Reading(places=("env.py:9",), default="'y'"),
        "B": Reading(places=("env.py:8",), default=None),
        "C": Reading(places=("main.py:3",), default=None),
        "E": Reading(places=("env.py:5",), default="1"),
    }
    assert list(differences(before, after)) == [
        "changed  A: default 'x' -> 'y'",
        "changed  C: read in env.py -> main.py",
        "removed  D",
        "added    E (default 1) env.py:5",
    ]


# Facts that are read from the sources of a release.


def test_names_are_found_however_the_environment_is_read() -> None:
    source = """
import os
A = os.environ.get("A", "x")
B = os.getenv("B", os.getenv("OLD_B", "1"))
C = os.environ["C"] if "D" in os.environ else os.getenv("D", "1")
os.environ["WRITTEN"] = "1"
def number(name, default):
    return int(os.getenv(name) or default)
E = number("E", 3)
HEADERS = {"F": 1, "G": 2}
for header, setter in HEADERS.items():
    os.environ.get(header, None)
H = [os.getenv(name) for name in ("H", "I")]
def handler(sid, environ):
    return environ.get("asgi.scope")
"""
    actual = read_sources({"env.py": source})
    assert sorted(actual) == ["A", "B", "C", "D", "E", "F", "G", "H", "I", "OLD_B"]
    assert (actual["A"].default, actual["E"].default, actual["C"].default) == ("'x'", "3", None)
    assert actual["D"].default == "None or '1'"
    assert actual["B"].places == ("env.py:4",)


def test_a_helper_of_another_module_is_followed() -> None:
    helper = "import os\nasync def flag(default, name):\n    return os.environ.get(name, default)\n"
    actual = read_sources({"helper.py": helper, "main.py": "from helper import flag\nX = flag('no', 'X')\n"})
    assert {name: reading.places for name, reading in actual.items()} == {"X": ("main.py:2",)}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nfor n in range(3):\n    os.getenv(f'URL_{n}')",
        "import os\nos.getenv(sys.argv[1])",
        "from os import environ\nenviron['A']",
        "import os\nenv = os.environ\nenv['A']",
        "import os\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: str",
    ],
)
def test_an_access_whose_names_do_not_show_is_an_error(source: str) -> None:
    with pytest.raises(ReadingError, match=r"^env.py:\d+: "):
        read_sources({"env.py": source})


def test_show_says_class_reason_and_where_it_is_read(stackctl: CommandLine) -> None:
    ended = stackctl("variables", "show", "ENABLE_WEBSOCKET_SUPPORT")
    assert ended.code == 0
    assert "allowed under a condition" in ended.out
    assert "openWebui.ingress.stickySessions: true" in ended.out
    assert "env.py:" in ended.out
    ended = stackctl("variables", "show", "ENABLE_NOTHING")
    assert ended.code == 1
    assert "pluginEnv" in ended.out


def test_the_page_shows_what_the_command_prints(stackctl: CommandLine) -> None:
    page = (ROOT / "docs" / "environment-variables.md").read_text()
    command, _, printed = (
        page.partition("$ python -m stackctl variables show ")[2].partition("\n```")[0].partition("\n")
    )
    ended = stackctl("variables", "show", command)
    assert (ended.code, ended.out.rstrip("\n")) == (0, printed)
    assert f"Open WebUI {variable_table().release} reads {len(variable_table().read)} environment variables" in page


def test_a_class_can_be_changed_without_the_wheel(stackctl: CommandLine) -> None:
    before = TABLE_FILE.read_text()
    assert stackctl("variables", "generate").code == 0
    assert TABLE_FILE.read_text() == before
    ended = stackctl("variables", "generate", "0.13.0")
    assert ended.code == 1
    assert "change its `release` first" in ended.err


def test_defaults_are_python() -> None:
    for variable in variable_table().read:
        if variable.default is not None:
            ast.parse(variable.default, mode="eval")
