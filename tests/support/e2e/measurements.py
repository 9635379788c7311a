"""Figures of a run, as a table."""

import os
import platform
import time
from pathlib import Path

from components.open_webui.settings import OpenWebUISettings
from stack_config.files import ROOT

FIRST_START = "three replicas on an empty database, until all are ready"
RESTARTS = "restarts of web pods meanwhile"
FAILOVER = ROOT / "docs" / "redis-failover.md"

_FAILOVER_HEAD = """\
## Failover of Redis with Sentinels

Seconds until somebody can write again, of another run than the rest of this page: [how it was measured, and every
run](redis-failover.md).

"""

_HEAD = """\
# Measurements

Written by `make e2e ALL=1`; every figure is of that run, on one real node (`CLUSTER=node`) with {cores} cores that also
runs the control plane and the load. The plain source design is the document's own deployment (Open WebUI, Redis and
PostgreSQL without this stack's probes, migration step, budgets and roll), in another namespace of the same node, while
this stack's web pods were scaled to none.

- Date: {date}
- Open WebUI {open_webui}, Redis 7.0 and PostgreSQL 16 with pgvector (the node's images are made from packages of Debian
  and PyPI), Kubernetes 1.36, Linux {kernel}
- Changes: 16 requests a second to `/api/config` through the Service, each over a new connection, and six websockets,
  from a pod in the namespace. A request fails when it is not answered with 200 within 20 s. The time of a websocket is
  from its loss to its return.
- Answers: 20 users, each with a websocket that comes back by itself, ask again and again for an answer of 60 s while
  the pods have to leave. An answer is whole when the database has all of it and says that it is done.
- Faults: 8 requests a second as a signed-in user, each over a new connection; four websockets that come back by
  themselves; two events and one new chat a second. A request fails when it is not answered with 200 within 10 s.
  "requests" is the time from the fault to the end of the last request that failed, "events" the time to the first event
  after which every one was answered and reached all four websockets. A chat is lost when its creation was answered with
  200 and it is not there at the end.

"""


class Measurements:
    """What was measured."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[str, tuple[str, str]] = {}

    def add(self, what: str, figure: str) -> None:
        """Add a figure of this stack, with its unit."""
        self._rows[what] = (figure, self._rows.get(what, ("", ""))[1])

    def add_source_design(self, what: str, figure: str) -> None:
        """Add the figure that the plain source design has for the same."""
        self._rows[what] = (self._rows.get(what, ("", ""))[0], figure)

    def table(self) -> str:
        """All figures as Markdown."""
        rows = [("", "this stack", "plain source design"), ("---", "---", "---")]
        rows += [(what, *figures) for what, figures in self._rows.items()]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def write(self, file: Path) -> None:
        """Write the document."""
        head = _HEAD.format(
            cores=os.cpu_count(),
            date=time.strftime("%Y-%m-%d"),
            open_webui=OpenWebUISettings().version,
            kernel=platform.release().split("-")[0],
        )
        file.write_text(f"{head}{self.table()}\n\n{_FAILOVER_HEAD}{failover_table()}\n")


def failover_table() -> str:
    """The table that `python -m tests.bench.failover` has written."""
    return "\n".join(line for line in FAILOVER.read_text().splitlines() if line.startswith("|"))
