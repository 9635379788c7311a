"""Measurements of a run: as data, and as the page that shows them."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.open_webui.settings import OpenWebUISettings
from stack_config.files import ROOT
from tests.support.e2e import cluster_measurements, design_table

MEASUREMENTS_VARIABLE = "E2E_MEASUREMENTS"
"""Environment variable with the document that a run writes."""

FIRST_START = "first start of three replicas on an empty database"
RESTARTS = "restarts of web pods meanwhile"

Row = dict[str, str]
"""``measurement``, the values of ``stack`` and ``source_design`` (empty for none), and the ``date`` of their run."""

FAILOVER = ROOT / "docs" / "redis-failover.md"

_HEAD = """\
# Measurements

`make e2e ALL=1` writes this page. The values of a row come from one run, on its date, on one real node
(`CLUSTER=node`) with {cores} cores, which also ran the control plane and the load. A run replaces the rows that it
measures and leaves the others. The plain source design is the deployment of the source document (Open WebUI, Redis and
PostgreSQL without the probes, migration step, disruption budgets and rolling updates of this stack). It ran in another
namespace of the same node while the web pods of this stack were scaled to zero. The data:
`docs/data/measurements.json`.

- Last run: {date}
- Open WebUI {open_webui}, Redis 7.0 and PostgreSQL 16 with pgvector (the images of the node are built from packages of
  Debian and PyPI), Kubernetes {kubernetes}, Linux {linux}
- First start: from the creation of the first pod to the last web pod that became ready, as Kubernetes wrote it down.
- Changes: 16 requests per second to `/api/config` through the Service, each over a new connection, and six
  websockets, from a pod in the namespace. A request fails if it is not answered with 200 within 20 s. The time of a
  websocket is from its loss to its return.
"""

_ANSWERS = """\
- Answers: 20 users, each with a websocket that reconnects by itself, repeatedly ask for an answer of 60 s while the
  pods have to stop. An answer is complete if the database contains all of it and marks it as done.
"""

_FAULTS = """\
- Faults: 8 requests per second as a signed-in user, each over a new connection; four websockets that reconnect by
  themselves; two events and one new chat per second. A request fails if it is not answered with 200 within 10 s.
  "requests" is the time from the fault to the end of the last failed request. "events" is the time to the first event
  after which every event was answered and reached all four websockets. A chat is lost if its creation was answered
  with 200 and it does not exist at the end.

"""

_PLOTS = """\
## Plots

`make docs` draws them from the data.

![Failed requests in percent](images/failed-requests.svg)

![Seconds until events are delivered again](images/events.svg)

"""

_FAILOVER_HEAD = """\
## Failover of Redis with Sentinels

Seconds until a client can write again. These are measurements of a separate run: [how it was measured, and every
run](redis-failover.md).

"""


class Measurements:
    """The measurements of a run."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[str, tuple[str, str]] = {}

    def add(self, measurement: str, value: str) -> None:
        """Add a measurement of this stack, with its unit."""
        self._rows[measurement] = (value, self._rows.get(measurement, ("", ""))[1])

    def add_source_design(self, measurement: str, value: str) -> None:
        """Add the same measurement of the plain source design."""
        self._rows[measurement] = (self._rows.get(measurement, ("", ""))[0], value)

    def table(self) -> str:
        """All measurements as Markdown."""
        return _table(self._row_data())

    def write(self, file: Path) -> None:
        """Write the page, and its data to ``data/`` beside it. Rows that this run did not measure stay as they are."""
        data_file = _data_file(file)
        before = json.loads(data_file.read_text())["rows"] if data_file.exists() else []
        data = {
            "date": _today(),
            "open_webui": OpenWebUISettings().version,
            "kubernetes": "1.36",
            "linux": platform.release().split("-")[0],
            "cores": os.cpu_count(),
            "rows": merged(before, self._row_data()),
        }
        data_file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        file.write_text(page(data))

    def _row_data(self) -> list[Row]:
        return [
            {"measurement": measurement, "stack": stack, "source_design": source_design, "date": _today()}
            for measurement, (stack, source_design) in self._rows.items()
        ]


def merged(before: Sequence[Row], measured: Sequence[Row]) -> list[Row]:
    """The rows of earlier runs with those of the last one.

    A row is replaced as a whole: the values of both designs are compared only where one run has measured both.
    """
    return [*({row["measurement"]: row for row in (*before, *measured)}.values())]


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def write_again(file: Path) -> None:
    """Write the page again from its data, after another part of it was measured."""
    file.write_text(page(json.loads(_data_file(file).read_text())))


def _data_file(page_file: Path) -> Path:
    return page_file.parent / "data" / f"{page_file.stem}.json"


def page(data: Mapping[str, Any]) -> str:
    """docs/measurements.md for the data of a run."""
    answers = _ANSWERS if any("answers" in row["measurement"] for row in data["rows"]) else ""
    head = f"{_HEAD.format(**data)}{answers}{_FAULTS}"
    failover = f"{_FAILOVER_HEAD}{failover_table()}"
    return (
        f"{head}{_table(data['rows'])}\n\n{_PLOTS}{failover}\n{cluster_measurements.section()}{design_table.section()}"
    )


def _table(rows: Sequence[Row]) -> str:
    lines = [("", "this stack", "plain source design", "date"), ("---",) * 4]
    lines += [(row["measurement"], row["stack"], row["source_design"], row["date"]) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def failover_table() -> str:
    """The table that `python -m tests.bench.failover` has written."""
    return "\n".join(line for line in FAILOVER.read_text().splitlines() if line.startswith("|"))
