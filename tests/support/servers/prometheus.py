"""A real Prometheus, which scrapes exporters of the tests and receives metrics by OTLP."""

import json
import math
import shutil
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devcluster.toolchain.go_programs import PROMETHEUS, build
from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import running, wait_until_answered


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    port: int
    host: str = "127.0.0.1"

    @property
    def otlp_endpoint(self) -> str:
        """Where the web pods send metrics."""
        return f"http://localhost:{self.port}/api/v1/otlp/v1/metrics"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query: series with their labels (``metric``) and their value."""
        return list(self._data("query", query=expression)["result"])

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The result of a range query, times in seconds: series with their labels and their ``values`` over time."""
        return list(self._data("query_range", query=expression, start=start, end=end, step=step)["result"])

    def scrape_errors(self) -> list[str]:
        """The errors of the last scrapes."""
        targets = self._data("targets")["activeTargets"]
        return [target["lastError"] for target in targets if target["lastError"]]

    def without_data(self, dashboard: dict[str, Any]) -> list[str]:
        """The queries of a dashboard that return no number, each after the title of its panel."""
        targets = [
            (panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])
        ]
        return [f"{title}: {query}" for title, query in targets if not any(map(_is_number, self.query(query)))]

    def targets(self) -> dict[str, list[str]]:
        """Health of the targets of each scrape config: ``up``, ``down`` or ``unknown``."""
        health: dict[str, list[str]] = {}
        for target in self._data("targets")["activeTargets"]:
            health.setdefault(target["scrapePool"], []).append(target["health"])
        return health

    def rules(self) -> list[dict[str, Any]]:
        """The rules with the result of their last evaluation: ``health``, ``lastError``, and ``state`` of an alert."""
        return [rule for group in self._data("rules")["groups"] for rule in group["rules"]]

    def selectors(self, expression: str) -> set[str]:
        """The selectors of series in an expression, as Prometheus parses it, with their label matchers alone."""
        return set(_selectors(self._data("parse_query", query=expression)))

    def _data(self, path: str, **parameters: object) -> Any:
        url = f"http://{self.host}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]


def _selectors(parsed: Any) -> Iterator[str]:
    """Those below a node of a parsed expression."""
    if isinstance(parsed, list):
        for each in parsed:
            yield from _selectors(each)
    elif isinstance(parsed, dict):
        if parsed.get("type") in ("vectorSelector", "matrixSelector"):
            matchers = [f"{each['name']}{each['type']}{json.dumps(each['value'])}" for each in parsed["matchers"]]
            yield f"{{{','.join(sorted(matchers))}}}"
        for each in parsed.values():
            yield from _selectors(each)


def _is_number(series: dict[str, Any]) -> bool:
    return not math.isnan(float(series["value"][1]))


@contextmanager
def prometheus(directory: Path, targets: Sequence[str] = (), namespace: str = "rag-system") -> Iterator[Prometheus]:
    """A server, while the block runs.

    Args:
        directory: directory of its data.
        targets: addresses of exporters. Their series get the label ``namespace``, as by the operator.
        namespace: its value.
    """
    port, log = free_port(), directory / "prometheus.log"
    scrape = {"job_name": "exporters", "static_configs": [{"targets": [*targets], "labels": {"namespace": namespace}}]}
    configuration = {"global": {"scrape_interval": "5s", "scrape_timeout": "5s"}, "scrape_configs": [scrape]}
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    # The servers' user cannot enter the directory of this machine's programs.
    program = str(shutil.copy(build(PROMETHEUS), directory))
    command = [
        program,
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-otlp-receiver",
    ]
    with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
        wait_until_answered(f"http://127.0.0.1:{port}/-/ready", process, log, "Prometheus is ready", 30)
        yield Prometheus(port)
