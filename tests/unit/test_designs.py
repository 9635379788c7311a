"""The comparison of designs: its data, its page, its bounds, and how a design of another origin is deployed."""

import copy
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.node.images.definitions import images
from scripts.draw_plots import DESIGNS
from tests.support.e2e import design_table
from tests.support.e2e.design_table import BOUNDS, COLUMNS, FIRST_START, RESTARTS, Bound, Cell, DesignTable
from tests.support.e2e.designs import OFFICIAL_CHART, chart_objects
from tests.support.e2e.earlier_build import command
from tests.support.e2e.serving import last_answer

RATIO = Bound(name="starts", row=FIRST_START, quantity="seconds", of="source_design", target=1.0, held=1.5)


def measured(**seconds: float) -> DesignTable:
    """A run with a first start of some designs."""
    table = DesignTable()
    for column, number in seconds.items():
        table.add(FIRST_START, column, Cell(f"{number:g} s", {"seconds": number}))
    return table


def test_a_bound_is_a_ratio_of_one_run() -> None:
    assert RATIO.value(measured(stack=30, source_design=20).numbers) == 1.5
    assert RATIO.value(measured(stack=30).numbers) is None
    assert RATIO.value(measured(source_design=20).numbers) is None
    assert RATIO.value(measured(stack=30, source_design=0).numbers) == math.inf
    assert RATIO.value(measured(stack=0, source_design=0).numbers) == 0.0


def test_a_bound_may_be_a_number_without_the_length_of_the_fault() -> None:
    bound = Bound(name="starts", row=FIRST_START, quantity="seconds", target=5, held=5, less=60)
    assert bound.value(measured(stack=63).numbers) == 3
    assert bound.value(measured(stack=50).numbers) == 0


def test_a_time_without_an_end_passes_every_bound() -> None:
    table = measured(stack=math.inf, source_design=20)
    data = json.loads(json.dumps(table.data()))
    assert data["numbers"][FIRST_START]["stack"] == {"seconds": None}
    assert RATIO.value(data["numbers"]) == RATIO.value(table.numbers) == math.inf


def test_the_data_show_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    table = measured(stack=30, source_design=20)
    table.revise("stack", "abc of 2026-01-01")
    table.miss("before", "E2E_BEFORE names nothing")
    table.write(tmp_path / "designs.json")
    page = design_table.of(json.loads((tmp_path / "designs.json").read_text()))
    assert f"| {FIRST_START} | 30 s | not measured | 20 s | not measured |" in page
    assert "- Build before: not measured, E2E_BEFORE names nothing." in page
    assert "revision abc of 2026-01-01" in page
    assert f"{design_table.machine()['cores']} cores" in page
    assert f"| {BOUNDS[0].name} | 1.5 | 1 | {BOUNDS[0].held:g} |" in page
    missed = next(bound for bound in BOUNDS if bound.target is not None and bound.held is None)
    assert f"| {missed.name} | not measured | {missed.target:g} | none |" in page
    assert f"| {BOUNDS[-1].name} | not measured | none | {BOUNDS[-1].held:g} |" in page


def test_the_page_has_a_line_for_each_column() -> None:
    data: dict[str, Any] = measured(stack=1).data()
    lines = design_table.of(data).splitlines()
    assert f"|  | {' | '.join(COLUMNS.values())} |" in lines
    for title in COLUMNS.values():
        assert any(line.startswith(f"- {title.capitalize()}: ") for line in lines)
    missing = copy.deepcopy(data) | {"missing": dict.fromkeys(COLUMNS, "why")}
    assert design_table.of(missing).count(": not measured, why.") == len(COLUMNS)


def test_the_page_says_that_a_run_was_ended() -> None:
    table = measured(stack=1, chart=2)
    assert "The run was ended" not in design_table.of(table.data())
    table.add(RESTARTS, "stack", Cell("0", {"count": 0}))
    assert "The run was ended" in design_table.of(table.data())


def test_the_plots_have_the_columns_of_the_table() -> None:
    assert {column: label for column, (label, _) in DESIGNS.items()} == COLUMNS


def test_the_node_has_every_image_of_the_chart() -> None:
    """It pulls nothing."""
    names = {name for image in images() for name in image.names}
    specs = [
        each["spec"]["template"]["spec"] for each in chart_objects() if each["kind"] in ("Deployment", "StatefulSet")
    ]
    used = {pod["image"] for spec in specs for pod in (*spec["containers"], *spec.get("initContainers", ()))}
    assert len(specs) == 3
    assert used <= names


def test_the_tests_find_the_pods_of_the_chart() -> None:
    objects = chart_objects()
    labels = [
        each["spec"]["template"]["metadata"]["labels"]["app"] for each in objects if "template" in each.get("spec", {})
    ]
    assert sorted(labels) == ["open-webui", "postgres", "redis"]
    assert {each["metadata"].get("namespace", each["metadata"]["name"]) for each in objects} == {"rag-chart"}


def test_the_chart_has_no_probe() -> None:
    """Otherwise the page would be wrong about what "ready" means there."""
    assert "Probe" not in OFFICIAL_CHART.read_text()
    kinds = {each["kind"] for each in yaml.safe_load_all(OFFICIAL_CHART.read_text())}
    assert kinds == {"ServiceAccount", "PersistentVolumeClaim", "Service", "Deployment", "StatefulSet"}


@pytest.mark.parametrize("package", ["local", "stackctl"])
def test_an_earlier_revision_is_deployed_by_the_command_it_has(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    words = ["-m", package, "up", "--env", "dev", "--cluster", "kwok-x", "--set", "a=b"]
    assert command(tmp_path, "kwok-x", {"a": "b"}) == [sys.executable, *words]
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert command(tmp_path, "kwok-x", {"a": "b"}) == [str(python), *words]


def test_a_pod_answers_since_its_last_change() -> None:
    assert last_answer("1764561600.5 1") == 1764561600.5
    assert last_answer("1764561600.5 0") is None
    assert last_answer("") is None
