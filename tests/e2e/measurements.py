"""Figures of a run, as a table."""

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from components.open_webui.settings import OpenWebUISettings

_HEAD = """\
# Measurements

Written by `make e2e ALL=1`; every figure is of that run, on one real node (`CLUSTER=node`) with {cores} cores that also
runs the control plane and the load. The plain source design is the document's own deployment, without this stack's
probes, migration step and roll, in another namespace of the same node.

- Date: {date}
- Open WebUI {open_webui}, Redis 7.0 and PostgreSQL 16 with pgvector (the node's images are made from packages of Debian
  and PyPI), Kubernetes 1.36, Linux {kernel}
- Method: 16 requests a second to `/api/config` through the Service, each over a new connection, and six websockets,
  from a pod in the namespace; a request fails when it is not answered with 200 within 20 s. Times of websockets are
  from the loss of one to its return.

"""


@dataclass
class Measurements:
    """What was measured."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, what: str, ours: str, source_design: str = "") -> None:
        """Add a figure.

        Args:
            what: was measured.
            ours: figure of this stack, with its unit.
            source_design: that of the plain source design in the same run; empty where it was not measured.
        """
        self.rows.append((what, ours, source_design))

    def table(self) -> str:
        """All figures as Markdown."""
        rows = [("figure", "this stack", "plain source design"), ("---", "---", "---"), *self.rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def write(self, file: Path) -> None:
        """Write the document."""
        head = _HEAD.format(
            cores=os.cpu_count(),
            date=time.strftime("%Y-%m-%d"),
            open_webui=OpenWebUISettings().version,
            kernel=platform.release().split("-")[0],
        )
        file.write_text(f"{head}{self.table()}\n")
