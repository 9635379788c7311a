"""Measurements of a cluster of CloudNativePG: as data, and as the section of docs/measurements.md that shows them."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from devcluster.toolchain.go_programs import CLOUDNATIVE_PG_VERSION
from stack_config.files import ROOT

DATA = ROOT / "docs" / "data" / "cloudnative-pg.json"

_HEAD = """\
## PostgreSQL with CloudNativePG

`make e2e ALL=1` writes this section, too, from a node of its own with {cores} cores, on {date}: the operator {operator}
with its webhooks, and PostgreSQL with pgvector from packages of Debian 13. Requests, events, chats and changes are
those of the table above. All instances share one machine.

"""


class ClusterMeasurements:
    """The measurements of a run."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[str, str] = {}

    def add(self, measurement: str, value: str) -> None:
        """Add a measurement, with its unit."""
        self._rows[measurement] = value

    def table(self) -> str:
        """All measurements as Markdown."""
        return _table(self._rows)

    def write(self) -> None:
        """Write the data."""
        data = {
            "date": time.strftime("%Y-%m-%d"),
            "operator": CLOUDNATIVE_PG_VERSION,
            "cores": os.cpu_count(),
            "rows": self._rows,
        }
        DATA.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def section() -> str:
    """The section for the data of the last run."""
    data: Mapping[str, Any] = json.loads(DATA.read_text())
    return f"\n{_HEAD.format(**data)}{_table(data['rows'])}\n"


def _table(rows: Mapping[str, str]) -> str:
    lines = [("", "cloudnative-pg"), ("---", "---"), *rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
