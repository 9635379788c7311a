"""`python -m scripts.draw_plots [--check]`: draws docs/data/*.json as the plots of docs/images/.

It runs in `.venv-docs`, which has matplotlib. The same data and the same version give the same bytes, so that
`--check` compares.
"""

import io
import json
import re
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack_config.files import ROOT
from stack_config.generated_files import write_or_check

DATA = ROOT / "docs" / "data"
IMAGES = ROOT / "docs" / "images"

STACK, SOURCE_DESIGN = "#0969da", "#bf8700"

DESIGNS = {
    "stack": ("this build", STACK),
    "before": ("build before", "#54aeff"),
    "source_design": ("plain source design", SOURCE_DESIGN),
    "chart": ("official chart", "#8250df"),
}
"""Label and color of each design of the table of designs."""

Numbers = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Numbers by measurement, design and name."""

_REQUESTS = re.compile(r"(\d+) of (\d+) requests failed")
_EVENTS = re.compile(r"events (?:(\d+\.\d+) s|(not again))")


@dataclass(frozen=True)
class Pair:
    """One measurement of both designs; None where there is no such value."""

    label: str
    stack: float | None
    source_design: float | None


def failed_requests(rows: list[Mapping[str, str]]) -> list[Pair]:
    """Failed requests in percent, of the measurements that both designs have."""
    return [
        Pair(row["measurement"], _percent(row["stack"]), _percent(row["source_design"]))
        for row in rows
        if _REQUESTS.search(row["stack"]) and _REQUESTS.search(row["source_design"])
    ]


def seconds_without_events(rows: list[Mapping[str, str]]) -> list[Pair]:
    """Seconds until events are delivered again, of the faults that both designs have; None: not again."""
    return [
        Pair(row["measurement"], _seconds(row["stack"]), _seconds(row["source_design"]))
        for row in rows
        if _EVENTS.search(row["stack"]) and _EVENTS.search(row["source_design"])
    ]


def numbers_of_designs(numbers: Numbers, quantity: str) -> dict[str, dict[str, float]]:
    """Numbers by measurement and design, of the measurements that have them; a design without one is left out."""
    rows = {
        measurement: {design: values[quantity] for design in DESIGNS if quantity in (values := designs.get(design, {}))}
        for measurement, designs in numbers.items()
    }
    return {measurement: values for measurement, values in rows.items() if values}


def _percent(text: str) -> float:
    match = _REQUESTS.search(text)
    assert match
    return 100 * int(match[1]) / int(match[2])


def _seconds(text: str) -> float | None:
    match = _EVENTS.search(text)
    assert match
    return float(match[1]) if match[1] else None


def _bars(pairs: list[Pair], title: str, unit: str) -> str:
    figure, axes = _figure(0.62 * len(pairs) + 1.4)
    for index, pair in enumerate(pairs):
        for value, offset, color in ((pair.stack, -0.19, STACK), (pair.source_design, 0.19, SOURCE_DESIGN)):
            axes.barh(index + offset, value or 0, height=0.36, color=color)
            text = "not again" if value is None else f"{value:.1f}"
            axes.annotate(text, (value or 0, index + offset), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(pairs)), [pair.label for pair in pairs])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left")
    handles = [axes.barh(0, 0, color=color) for color in (STACK, SOURCE_DESIGN)]
    axes.legend(handles, ["this stack", "plain source design"], loc="upper right", frameon=False)
    return as_svg(figure)


def _designs(rows: Mapping[str, Mapping[str, float]], title: str, unit: str) -> str:
    height = 0.8 / len(DESIGNS)
    figure, axes = _figure(0.2 * len(DESIGNS) * len(rows) + 1.6)
    for index, values in enumerate(rows.values()):
        for place, (design, (_, color)) in enumerate(DESIGNS.items()):
            at, value = index + (place - (len(DESIGNS) - 1) / 2) * height, values.get(design)
            axes.barh(at, value or 0, height=0.9 * height, color=color)
            text = "not measured" if value is None else f"{value:.0f}"
            axes.annotate(text, (value or 0, at), xytext=(4, 0), textcoords="offset points", va="center", size=8)
    axes.set_yticks(range(len(rows)), [textwrap.fill(row, 32) for row in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left")
    handles = [axes.barh(0, 0, color=color) for _, color in DESIGNS.values()]
    axes.legend(handles, [label for label, _ in DESIGNS.values()], loc="best", frameon=False)
    return as_svg(figure)


def _runs(measured: Mapping[str, list[float]]) -> str:
    figure, axes = _figure(0.7 * len(measured) + 1.2)
    for index, values in enumerate(measured.values()):
        # Runs with the same value lie above each other.
        above = [values[:position].count(value) for position, value in enumerate(values)]
        axes.plot(values, [index - 0.04 * count for count in above], "o", color=STACK, markersize=5, alpha=0.7)
    axes.axvline(10, color=SOURCE_DESIGN, linestyle="--", linewidth=1)
    axes.annotate("target for p95", (10, -0.55), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(measured)), [name.replace(" | ", ",\n") for name in measured])
    axes.set_ylim(len(measured) - 0.5, -0.75)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds until the first write to the new primary")
    return as_svg(figure)


def plain_style(size: float) -> None:
    """Set what all drawings share, with that size of letters. The same data give the same bytes."""
    # Only this environment has it; the tests of what is above have not.
    import matplotlib as mpl

    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "open-webui-stack",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": size,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def _figure(height: float) -> Any:
    plain_style(9)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), layout="constrained")
    return figure, figure.subplots()


def as_svg(figure: Any) -> str:
    """The picture, without the time at which it was drawn."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def plots() -> dict[Path, str]:
    """Every plot with its contents."""
    rows = json.loads((DATA / "measurements.json").read_text())["rows"]
    numbers = json.loads((DATA / "designs.json").read_text())["numbers"]
    failovers = json.loads((DATA / "redis-failover.json").read_text())
    return {
        IMAGES / "failed-requests.svg": _bars(failed_requests(rows), "Failed requests", "percent of all requests"),
        IMAGES / "events.svg": _bars(
            seconds_without_events(rows), "Events are delivered again", "seconds after the fault"
        ),
        IMAGES / "designs-starts.svg": _designs(
            numbers_of_designs(numbers, "seconds"), "Starts", "seconds until all web pods serve"
        ),
        IMAGES / "designs-failed-requests.svg": _designs(
            numbers_of_designs(numbers, "failed"), "Failed requests", "requests"
        ),
        IMAGES / "redis-failover.svg": _runs(failovers),
    }


if __name__ == "__main__":
    sys.exit(write_or_check(plots(), check="--check" in sys.argv[1:], command="make docs"))
