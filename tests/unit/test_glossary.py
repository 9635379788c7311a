"""The glossary's table, its rules and what the check reads of each format."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.glossary.__main__ import check_file, tracked_files
from scripts.glossary.rules import read_style
from stack_config.files import ROOT

STYLE = read_style(ROOT)
NAMES = frozenset({"told", "said", "given", "found", "wanted"})
TABLE = (ROOT / "docs" / "development" / "glossary.md").read_text()
ROWS = re.findall(r"^\| (?!Not )(.*?) \| (.*?) \|$", TABLE.partition("| Before |")[0], re.MULTILINE)


def findings(tmp_path: Path, name: str, content: str) -> list[tuple[int, str]]:
    """Line and rule of each finding in a file."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content)
    return [(finding.line, finding.check) for finding in check_file(tmp_path, name, STYLE, NAMES)]


def test_the_table_has_its_rows() -> None:
    assert len(ROWS) == TABLE.partition("| Before |")[0].count("\n| ") - 1


@pytest.mark.parametrize(("left", "right"), ROWS)
def test_a_rule_finds_the_left_column_and_leaves_the_right_one(left: str, right: str, tmp_path: Path) -> None:
    for term in re.sub(r" \(.*\)", "", left).split(", "):
        if "names of variables" in left:
            assert findings(tmp_path, "name.py", f"{term} = 1\n") == [(1, "names")]
        else:
            assert findings(tmp_path, "text.md", f"It {term}.\n\n{term.capitalize()} is wrong.\n"), term
    assert findings(tmp_path, "text.md", f"{right}\n") == []


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no Redis, or there is none.",
        "It is no longer a replica.",
        "What is a replica?",
        "The pod that writes is the primary.",
        "The remaining keys, by handle.",
        "The edge-triggered poll of `is no X`.",
        "A way in which pods differ.",
        "See https://example.com/tree/master/deploy.",
        "The value is None.",
        "StatefulSets with volume claim templates.",
    ],
)
def test_other_sentences_pass(sentence: str, tmp_path: Path) -> None:
    assert findings(tmp_path, "text.md", f"{sentence}\n") == []


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        (
            "a.md",
            "# Mend\n\nWe mend.\n\n    mend\n\n```sh\nmend\n```\n\n`mend` and ``mend``\n\n| a |\n|---|\n| mend |\n",
            [1, 3, 15],
        ),
        ("a.md", "It is there\nalready.\n", [1]),
        ("a.md", "- once\n- more\n", []),
        ("a.py", '"""Mend it.\n\nNever\nmend.\n"""\n\nx = 1  # mend\n', [1, 4, 7]),
        ("a.py", 'x = "we mend it"\ny = f"we mend {x} and"\nz = "mend"\nmend = b"we mend it"\n', [1, 2]),
        ("a.py", "# The rule of\n# `mend` and\n# by hand\nx = 1\n\n# anew\n", [3, 6]),
        ("a.sh", "# mend\nmend  # anew\necho \"we mend $it for you\"\nawk '# mend'\n", [1, 2, 3]),
        (
            "a.sh",
            'say "a $mend of ${mend:-anew} in $(mend "anew" $(mend)) there" "we mend all of it"\n# mend\n',
            [1, 2],
        ),
        ("a.sh", 'say "a $mend of ${mend:-anew} in $(mend "anew" $(mend)) there"\n', []),
        ("run", "#!/usr/bin/env bash\n# mend\nmend\n", [2]),
        ("run", "# mend\n", []),
        ("a.yaml", "# mend\na: mend\nb:\n  - we mend it, too\nc: |\n  one\n  we mend it\n", [1, 4, 7]),
        ("a.toml", 'a = "mend" # mend\n', [1]),
        ("Makefile", "# mend\nmend: # mend\n\tmend\n", [1, 2]),
        ("a.json5", '{\n  // mend\n  mend: "mend"}\n', [2]),
        ("a.json", '{\n "title": "how we mend it",\n "mend": 1}\n', [2]),
        ("a.bin", "mend\n", []),
    ],
)
def test_prose_is_checked_and_code_is_not(name: str, content: str, lines: list[int], tmp_path: Path) -> None:
    assert [line for line, _ in findings(tmp_path, name, content)] == lines


def test_every_way_to_name_a_variable_is_checked(tmp_path: Path) -> None:
    code = (
        "import hypothesis\n"
        "from hypothesis import given\n"
        "def f(found, *, _said): pass\n"
        "for told in []: pass\n"
        "with open(0) as wanted: pass\n"
        "class A:\n"
        "    given: int\n"
        "    def g(self): self.found = 1\n"
        "match 1:\n"
        "    case found: pass\n"
        "@given(1)\n"
        "def h(): return A.found\n"
    )
    assert findings(tmp_path, "a.py", code) == [(line, "names") for line in (3, 3, 4, 5, 7, 8, 10)]


def test_a_reason_exempts_a_line_and_its_absence_does_not(tmp_path: Path) -> None:
    assert findings(tmp_path, "a.sh", "# mend  # glossary: the name of a program\n") == []
    assert findings(tmp_path, "b.md", "We mend. <!-- glossary: quoted -->\n") == []
    assert findings(tmp_path, "c.sh", "# mend  # glossary:\n") == [(1, "Stack.Terms")]


def test_a_section_switches_one_rule_off_for_its_paths(tmp_path: Path) -> None:
    (tmp_path / ".vale" / "styles").mkdir(parents=True)
    (tmp_path / ".vale" / "styles" / "Stack").symlink_to(ROOT / ".vale" / "styles" / "Stack")
    ini = "StylesPath = .vale/styles\n[*]\nBasedOnStyles = Stack\n[redis/*]\n; its protocol\nStack.Primary = NO\n"
    (tmp_path / ".vale.ini").write_text(ini)
    style = read_style(tmp_path)
    for path, expected in (("redis/a/b.md", ["Stack.Terms"]), ("other.md", ["Stack.Primary", "Stack.Terms"])):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("Mend the master.\n")
        assert [finding.check for finding in check_file(tmp_path, path, style, NAMES)] == expected


def test_every_exception_of_the_configuration_has_a_reason() -> None:
    lines = (ROOT / ".vale.ini").read_text().splitlines()
    assert [line for before, line in pairwise(lines) if "= NO" in line and before[:1] != ";"] == []


def test_the_rules_are_valid_for_vale() -> None:
    # Vale reports the group that matched instead of the whole when a pattern captures.
    assert [rule.pattern.pattern for rule in STYLE.rules if rule.pattern.groups] == []
    assert {rule.check for rule in STYLE.rules} == {"Stack.Actors", "Stack.Primary", "Stack.Terms"}


def test_an_unsupported_style_is_refused(tmp_path: Path) -> None:
    (tmp_path / "styles" / "Stack").mkdir(parents=True)
    (tmp_path / ".vale.ini").write_text("StylesPath = styles\n[*]\nBasedOnStyles = Stack\n")
    (tmp_path / "styles" / "Stack" / "Long.yml").write_text("extends: occurrence\nmessage: long\n")
    with pytest.raises(ValueError, match="occurrence is not supported"):
        read_style(tmp_path)


def test_the_checked_files_are_those_that_git_tracks(tmp_path: Path) -> None:
    for name in ("a.md", "b/c.md", "b/d.json", "untracked.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "a.md", "b"], cwd=tmp_path, check=True)
    assert tracked_files(tmp_path, [], ["*.json"]) == ["a.md", "b/c.md"]
    assert tracked_files(tmp_path, ["b"], []) == ["b/c.md", "b/d.json"]
