"""The page on the values of the official chart is complete, and names keys that the stack has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from stack_config.files import ROOT
from stack_config.keys import config_keys, is_secret_key

PAGE = ROOT / "docs" / "chart-values.md"
VALUES: dict[str, str] = yaml.safe_load((ROOT / "docs" / "data" / "chart-values.yaml").read_text())["values"]
TYPES = {"boolean", "integer", "list", "map", "string"}
_ROW = re.compile(r"\| `(?P<value>[^`]+)` \| (?P<keys>[^|]*)\| (?P<note>[^|]*)\|")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """A row of the page."""

    value: str
    keys: tuple[str, ...]
    note: str


def rows(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        if line.startswith("| `"):
            match = _ROW.fullmatch(line)
            assert match, line
            yield Row(match["value"], tuple(_CODE.findall(match["keys"])), match["note"].strip())


def problems(text: str) -> list[str]:
    """The errors of a page, each with the value or the key."""
    page = list(rows(text))
    named = [row.value for row in page]
    return [
        *(f"no row: {value}" for value in VALUES if value not in named),
        *(f"not a value of the chart: {value}" for value in named if value not in VALUES),
        *(f"two rows: {value}" for value in sorted({value for value in named if named.count(value) > 1})),
        *(f"not a key: {key}" for row in page for key in row.keys if not is_key(key)),
        *(f"neither key nor reason: {row.value}" for row in page if not (row.keys or row.note)),
    ]


def is_key(key: str) -> bool:
    return key in config_keys() or is_secret_key(key)


def test_every_value_has_a_row_with_a_key_or_a_reason() -> None:
    assert problems(PAGE.read_text()) == []
    assert len(VALUES) == 209
    assert set(VALUES.values()) == TYPES


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("| `tika.enabled` ", "| `tika.enable` ", "no row: tika.enabled"),
        ("| `tika.enabled` ", "| `tika.enable` ", "not a value of the chart: tika.enable"),
        ("| `tika.enabled` ", "| `ollama.enabled` ", "two rows: ollama.enabled"),
        ("`openWebui.replicas`", "`openWebui.replica`", "not a key: openWebui.replica"),
    ],
)
def test_an_incomplete_page_is_found(before: str, after: str, problem: str) -> None:
    text = PAGE.read_text()
    assert before in text
    assert problem in problems(text.replace(before, after))


def test_a_row_without_key_needs_a_reason() -> None:
    text = re.sub(r"(\| `strategy` \| \|)[^|]*\|", r"\1 |", PAGE.read_text())
    assert problems(text) == ["neither key nor reason: strategy"]
