"""The table that compares designs, from one run: as data, and as the section of docs/measurements.md that shows it."""

import json
import math
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.open_webui.settings import OpenWebUISettings
from stack_config.files import ROOT
from tests.support.e2e.faults import STOPPED_SECONDS

DATA = ROOT / "docs" / "data" / "designs.json"

COLUMNS = {
    "stack": "this build",
    "before": "build before",
    "source_design": "plain source design",
    "chart": "official chart",
}
"""Titles of the columns, in the order of the run."""

FIRST_START = "first start of three replicas on an empty database"
RESTARTS = "restarts of web pods meanwhile"
WEB_KILLED = "a web pod is killed"
REDIS_KILLED = "Redis is killed"
REDIS_STOPPED = f"Redis is stopped for {STOPPED_SECONDS} s"
POSTGRESQL_KILLED = "PostgreSQL is killed"
SETTING = "change of a setting of the web pods"
ONE_MORE = "a fourth replica, until it is ready and answers"

NOT_MEASURED = "not measured"

Numbers = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Numbers by row, column and name. A time without an end is None."""


@dataclass(frozen=True)
class Cell:
    """One measurement of one design."""

    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A number of this build that may not get larger: an absolute one, or a ratio to that of another column."""

    name: str
    row: str
    quantity: str
    of: str = ""
    """The column that it is compared with; empty for an absolute number."""

    target: float | None = None
    """None: it only has the number that the test holds."""

    held: float | None = None
    """What the test holds: what was reached, with a margin. None: two runs differ too much."""

    less: float = 0.0
    """Part of the number that is the fault's own length."""

    def value(self, numbers: Numbers) -> float | None:
        """The number of a run; None if the run has not measured it."""
        columns = numbers.get(self.row, {})
        own = columns.get("stack", {})
        if self.quantity not in own:
            return None
        number = _number(own[self.quantity]) - self.less
        if not self.of:
            return max(number, 0.0)
        other = columns.get(self.of, {})
        if self.quantity not in other:
            return None
        return _ratio(number, _number(other[self.quantity]))


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _ratio(number: float, other: float) -> float:
    if other:
        return number / other
    return math.inf if number else 0.0


BOUNDS = (
    Bound(
        name="first start, times that of the plain source design",
        row=FIRST_START,
        quantity="seconds",
        of="source_design",
        target=1.0,
        held=1.5,
    ),
    Bound(name="restarts at the first start", row=RESTARTS, quantity="count", target=0, held=0),
    Bound(
        name="a fourth replica, times that of the plain source design (a bare uvicorn)",
        row=ONE_MORE,
        quantity="seconds",
        of="source_design",
        target=1.1,
        held=1.1,
    ),
    Bound(
        name="failed requests when a setting changes",
        row=SETTING,
        quantity="failed",
        target=0,
        held=0,
    ),
    Bound(
        name="failed requests when a web pod is killed",
        row=WEB_KILLED,
        quantity="failed",
        target=1,
        held=6,
    ),
    Bound(
        name="failed requests when Redis is stopped for 60 s, times those of the build before",
        row=REDIS_STOPPED,
        quantity="failed",
        of="before",
        target=0.25,
    ),
    Bound(
        name="failed requests when Redis is stopped for 60 s, times those of the plain source design",
        row=REDIS_STOPPED,
        quantity="failed",
        of="source_design",
        held=0.4,
    ),
    Bound(
        name="seconds until events arrive again, after a Redis that was stopped for 60 s goes on",
        row=REDIS_STOPPED,
        quantity="events",
        less=STOPPED_SECONDS,
        target=5,
        held=10,
    ),
    Bound(
        name="failed requests when PostgreSQL is killed, times those of the build before",
        row=POSTGRESQL_KILLED,
        quantity="failed",
        of="before",
        target=0.5,
    ),
    Bound(
        name="failed requests when PostgreSQL is killed, times those of the plain source design",
        row=POSTGRESQL_KILLED,
        quantity="failed",
        of="source_design",
        held=0.5,
    ),
)

_HEAD = """\
## Four designs in one run

All values of this table come from one run, on {date}, on one machine: {cores} cores ({processor}), {memory} GiB of
memory, Linux {linux}. It also ran the control plane and the load. Every column runs Open WebUI {open_webui}, and the
Redis and the PostgreSQL of the node. One design ran at a time, and the same functions measured all of them.

{columns}

A web pod serves when it is ready **and** answers `/health/db` with 200; the machine asks it in the network of the pod.
The chart has no probes by default, so its pods are ready before they answer. The first start lasts from the creation of
the first pod until all web pods serve. The setting is changed with `kubectl set env`. Requests, events and chats are
those of the first table of this page.

`E2E_BEFORE=<checkout of an earlier revision> make e2e ALL=1` writes this section. To run it alone, as root:

```console
$ export E2E_ALL=1 E2E_BEFORE=<checkout> E2E_MEASUREMENTS=docs/measurements.md
$ .venv/bin/python -m pytest -q -s -rs tests/e2e/test_designs.py
```

"""

_SOURCES = {
    "stack": "This build: revision {revision}, as `make up` deploys it.",
    "before": "Build before: revision {revision}, deployed by its own commands with the same config.",
    "source_design": "Plain source design: `tests/e2e/source-design.yaml`.",
    "chart": "Official chart: version 16.0.0 with three replicas, an external PostgreSQL and its own Redis, as in\n"
    "  `tests/e2e/official-chart.yaml`, which names the source and the values.",
}

_ENDED = """\
The run was ended before it measured all rows of every column.

"""

_TARGETS = """\
The targets of this build. The run fails if a value passes the last column (`tests/e2e/test_designs.py`), which is what
was reached, with a margin. The failed requests of one fault differ by more than a factor of two from run to run, so the
run holds no ratio of two such counts unless they are far apart.

"""


_PLOTS = """\
`make docs` draws these plots from the data of the run.

![Seconds of the starts of four designs](images/designs-starts.svg)

![Failed requests of four designs](images/designs-failed-requests.svg)
"""


class DesignTable:
    """The measurements of a run."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[str, dict[str, Cell]] = {}
        self._missing: dict[str, str] = {}
        self._revisions: dict[str, str] = {}

    def add(self, row: str, column: str, cell: Cell) -> None:
        """Add a measurement of a design."""
        self._rows.setdefault(row, {})[column] = cell

    def miss(self, column: str, reason: str) -> None:
        """Say why a design has no measurements."""
        self._missing[column] = reason

    def revise(self, column: str, revision: str) -> None:
        """Name the revision of a build."""
        self._revisions[column] = revision

    @property
    def numbers(self) -> Numbers:
        """The numbers."""
        return {row: {column: cell.numbers for column, cell in cells.items()} for row, cells in self._rows.items()}

    def data(self) -> dict[str, Any]:
        """All of it, with the machine."""
        return {
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "open_webui": OpenWebUISettings().version,
            "revisions": self._revisions,
            "missing": self._missing,
            "rows": {row: {column: cell.text for column, cell in cells.items()} for row, cells in self._rows.items()},
            "numbers": _finite(self.numbers),
        }

    def write(self, file: Path = DATA) -> None:
        """Write the data. The table is of one run: nothing of an earlier one stays."""
        file.write_text(json.dumps(self.data(), indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, str | int]:
    """What this machine is."""
    processors = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count() or 0,
        "processor": processors[0].partition(":")[2].strip() if processors else "unknown processor",
        "memory": round(pages / 2**30),
        "linux": platform.release().split("-")[0],
    }


def section() -> str:
    """The section for the data of the last run; empty if there was none."""
    return f"\n{of(json.loads(DATA.read_text()))}" if DATA.exists() else ""


def of(data: Mapping[str, Any]) -> str:
    """The section for the data of a run."""
    columns = "\n".join(f"- {_source(data, column)}" for column in COLUMNS)
    head = _HEAD.format(**data["machine"], date=data["date"], open_webui=data["open_webui"], columns=columns)
    rows = [("", *COLUMNS.values()), ("---",) * (1 + len(COLUMNS))]
    rows += [(row, *(cells.get(column, NOT_MEASURED) for column in COLUMNS)) for row, cells in data["rows"].items()]
    ended = any(column not in cells for cells in data["rows"].values() for column in COLUMNS if _ran(data, column))
    targets = _markdown(_targets(data["numbers"]))
    return f"{head}{_markdown(rows)}\n\n{_ENDED if ended else ''}{_TARGETS}{targets}\n\n{_PLOTS}"


def _ran(data: Mapping[str, Any], column: str) -> bool:
    return any(column in cells for cells in data["rows"].values())


def _source(data: Mapping[str, Any], column: str) -> str:
    if reason := data["missing"].get(column):
        return f"{COLUMNS[column].capitalize()}: not measured, {reason}."
    return _SOURCES[column].format(revision=data["revisions"].get(column, ""))


def _targets(numbers: Numbers) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [("", "measured", "target", "held by the test"), ("---",) * 4]
    for bound in BOUNDS:
        value = bound.value(numbers)
        measured = NOT_MEASURED if value is None else f"{value:.3g}"
        lines.append((bound.name, measured, _or_none(bound.target), _or_none(bound.held)))
    return lines


def _or_none(number: float | None) -> str:
    return "none" if number is None else f"{number:g}"


def _markdown(rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _finite(numbers: Numbers) -> Numbers:
    """With None for what JSON has no number for."""
    return {
        row: {
            column: {name: None if value is None or math.isinf(value) else value for name, value in values.items()}
            for column, values in columns.items()
        }
        for row, columns in numbers.items()
    }
