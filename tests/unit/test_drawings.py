"""Diagrams, and the data of plots and pages with measurements."""

import json
from typing import Any

import pytest

from scripts import draw_editor
from scripts.draw_dashboards import number
from scripts.draw_diagrams import drawings
from scripts.draw_plots import Pair, failed_requests, numbers_of_designs, seconds_without_events
from stack_config.files import ROOT
from stackctl.diagram import DiagramError, draw
from tests.bench import failover
from tests.support.e2e.measurements import merged, page

DATA: dict[str, Any] = json.loads((ROOT / "docs" / "data" / "measurements.json").read_text())


def diagram(**changes: Any) -> dict[str, Any]:
    boxes = {"a": {"at": [0, 0], "title": "A"}, "b": {"at": [0, 1], "title": "B < C"}}
    return {"title": "T", "description": "D", "boxes": boxes, "arrows": [{"from": "a", "to": "b"}], **changes}


def test_the_images_are_those_of_the_diagrams() -> None:
    images = drawings() | draw_editor.drawings()
    assert len(images) >= 5
    assert [path.name for path, text in images.items() if path.read_text() != text] == []


def test_an_image_has_a_description_and_loads_nothing() -> None:
    for text in (drawings() | draw_editor.drawings()).values():
        assert "<desc" in text
        assert "href" not in text
        assert "url(http" not in text


def test_an_arrow_is_straight_where_boxes_overlap() -> None:
    image = draw(diagram())
    assert 'd="M100 86 L100 126"' in image
    assert "B &lt; C" in image


def test_an_arrow_between_distant_boxes_has_two_bends() -> None:
    boxes = {"a": {"at": [0, 0], "title": "A"}, "b": {"at": [2, 1], "title": "B"}}
    assert 'd="M100 86 L100 106 L440 106 L440 126"' in draw(diagram(boxes=boxes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arrows": [{"from": "a", "to": "x"}]}, "unknown box 'x'"),
        ({"boxes": {"a": {"at": [0, 0], "title": "A" * 40}, "b": {"at": [0, 1], "title": "B"}}}, "box a does not fit"),
        ({"boxes": {"a": {"at": [0, 0], "title": "A", "notes": ["x"] * 9}}, "arrows": []}, "box a does not fit"),
    ],
)
def test_a_diagram_that_cannot_be_drawn_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DiagramError, match=message):
        draw(diagram(**changes))


def test_the_picture_of_the_editor_shows_the_answers() -> None:
    scenes = json.loads(draw_editor.DATA.read_text())
    image = draw_editor.draw(scenes)
    proposals = [label for scene in scenes for label in scene.get("proposals", [])]
    assert len(proposals) >= 10
    assert [label for label in proposals if f">{label}</text>" not in image] == []
    assert image.count('class="wave"') == sum(len(scene.get("errors", [])) for scene in scenes) == 2
    [documented] = [scene for scene in scenes if scene.get("documentation", "").startswith("Shape")]
    with pytest.raises(DiagramError, match="does not fit"):
        draw_editor.draw([{**documented, "documentation": 2 * documented["documentation"]}])


def test_the_pages_show_the_data() -> None:
    assert (ROOT / "docs" / "measurements.md").read_text() == page(DATA)
    assert failover.PAGE.read_text() == failover.page(json.loads(failover.DATA.read_text()))


def test_plots_show_what_was_measured() -> None:
    requests = {pair.label: pair for pair in failed_requests(DATA["rows"])}
    killed = requests["a web pod is killed"]
    assert killed == Pair("a web pod is killed", 100 * 4 / 197, 100 * 2 / 133)
    events = {pair.label: pair for pair in seconds_without_events(DATA["rows"])}
    assert events["every pod is evicted"] == Pair("every pod is evicted", 27.5, None)
    # A measurement of one design only is in the table, and in no plot.
    assert "Redis is full for 20 s" not in {*requests, *events}


def test_a_plot_of_designs_shows_each_measurement_with_such_a_number() -> None:
    numbers: dict[str, dict[str, dict[str, float]]] = {
        "starts": {"stack": {"seconds": 3.0}, "chart": {"seconds": 4.0}},
        "faults": {"stack": {"failed": 0}, "before": {}},
        "restarts": {"stack": {"count": 0}},
    }
    assert numbers_of_designs(numbers, "seconds") == {"starts": {"stack": 3.0, "chart": 4.0}}
    assert numbers_of_designs(numbers, "failed") == {"faults": {"stack": 0}}


def test_every_image_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    images = [image.name for image in (ROOT / "docs" / "images").iterdir()]
    assert len(images) >= 7
    assert [name for name in images if f"images/{name})" not in pages] == []


def test_a_run_replaces_the_rows_that_it_measured() -> None:
    def row(measurement: str, stack: str, date: str) -> dict[str, str]:
        return {"measurement": measurement, "stack": stack, "source_design": "", "date": date}

    before = [row("a", "1 s", "2026-01-01"), row("b", "2 s", "2026-01-01")]
    measured = [row("c", "3 s", "2026-01-02"), row("b", "4 s", "2026-01-02")]
    assert merged(before, measured) == [before[0], measured[1], measured[0]]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0024, "percentunit", "0.24 %"),
        (57.26, "ms", "57.3 ms"),
        (1_288_490_188, "bytes", "1.2 GiB"),
        (1500, "Bps", "1.5 kB/s"),
        (0, "bytes", "0 B"),
        (450, "short", "450"),
    ],
)
def test_numbers_of_panels_have_the_unit_of_grafana(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


PANELS_WITHOUT_DATA: dict[str, set[str]] = {
    "cloudnative-pg": {"Age of the last failed run", "Age of the newest base backup"},
    "open-webui": set(),
    "pooler": set(),
    # The stacks of the pictures were healthy and had no TLS.
    "postgresql": {"Age of the last failed run", "Base backups fail for", "Certificate ends in"},
    # Debian's redis_exporter is too old for it.
    "redis": {"Slow clients disconnected"},
}


def test_the_pictures_of_dashboards_show_data() -> None:
    files = sorted((ROOT / "docs" / "data" / "dashboards").glob("*.json"))
    assert [file.stem for file in files] == list(PANELS_WITHOUT_DATA)
    for file in files:
        panels = [panel for panel in json.loads(file.read_text())["panels"] if panel["type"] != "row"]
        empty = {panel["title"] for panel in panels if not any(each["points"] for each in panel["series"])}
        assert empty == PANELS_WITHOUT_DATA[file.stem]
