"""`python -m scripts.draw_dashboards [--check]`: draws docs/data/dashboards/*.json as docs/images/dashboard-*.svg.

The data is what a real Prometheus answered to the queries of the panels (`tests/support/e2e/panel_data.py`). It
runs in `.venv-docs`, like `scripts.draw_plots`.
"""

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stack_config.generated_files import write_or_check

from .draw_plots import DATA, IMAGES, as_svg, plain_style

_COLUMNS = 3
_PANEL_INCHES = 1.6
_LEGENDS = 6
"""Series with an entry in the legend; more of them would hide the plot."""

_NUMBERS: Mapping[str, Callable[[float], str]] = {
    "percentunit": lambda value: f"{100 * value:.3g} %",
    "ms": lambda value: f"{value:.3g} ms",
    "s": lambda value: f"{value:.4g} s",
    "reqps": lambda value: f"{value:.3g}/s",
    "ops": lambda value: f"{value:.3g}/s",
    "bytes": lambda value: scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB")),
    "Bps": lambda value: f"{scaled(value, 1000, ('B', 'kB', 'MB', 'GB', 'TB'))}/s",
}


def number(value: float, unit: str) -> str:
    """A value as the panel shows it, in Grafana's unit."""
    shown = _NUMBERS.get(unit)
    return shown(value) if shown else f"{value:.4g}"


def scaled(value: float, base: int, units: tuple[str, ...]) -> str:
    """A value in the largest unit of which it has at least one."""
    exponent = min(int(math.log(abs(value), base)), len(units) - 1) if abs(value) >= 1 else 0
    return f"{value / base**exponent:.3g} {units[exponent]}"


def _dashboard(document: Mapping[str, Any]) -> str:
    plain_style(7)
    # Only this environment has it.
    from matplotlib.figure import Figure

    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    rows = math.ceil(len(panels) / _COLUMNS)
    figure = Figure(figsize=(11, _PANEL_INCHES * rows + 0.4), layout="constrained")
    figure.suptitle(document["title"], x=0.01, ha="left", fontsize=10, fontweight="bold")
    places = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for place, panel in zip(places, [*panels, *[None] * (rows * _COLUMNS - len(panels))], strict=True):
        if panel is None:
            place.axis("off")
        elif panel["type"] == "stat":
            _stat(place, panel)
        else:
            _timeseries(place, panel)
    return as_svg(figure)


def _stat(axes: Any, panel: Mapping[str, Any]) -> None:
    shown = [number(each["points"][-1][1], panel["unit"]) for each in panel["series"] if each["points"]]
    axes.axis("off")
    axes.set_title(panel["title"], loc="left", fontsize=8)
    axes.text(0.5, 0.5, "\n".join(shown[:2]) or "no data", ha="center", va="center", fontsize=16)


def _timeseries(axes: Any, panel: Mapping[str, Any]) -> None:
    drawn = [each for each in panel["series"] if each["points"]]
    for each in drawn:
        axes.plot(*zip(*each["points"], strict=True), linewidth=1.2, label=each["legend"])
    axes.set_title(panel["title"], loc="left", fontsize=8)
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.yaxis.set_major_locator(_few_ticks())
    axes.yaxis.set_major_formatter(lambda value, _: number(value, panel["unit"]))
    axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:.0f} s")
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)
    if not drawn:
        axes.text(0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes)
    elif len(drawn) <= _LEGENDS and any(each["legend"] for each in drawn):
        axes.legend(loc="best", fontsize=6, frameon=False)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4)


def drawings() -> dict[Path, str]:
    """Every dashboard of which there is data, with its picture."""
    files = sorted((DATA / "dashboards").glob("*.json"))
    return {IMAGES / f"dashboard-{file.stem}.svg": _dashboard(json.loads(file.read_text())) for file in files}


if __name__ == "__main__":
    sys.exit(write_or_check(drawings(), check="--check" in sys.argv[1:], command="make docs"))
