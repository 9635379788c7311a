"""What an exporter serves: its page of metrics."""

import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import running, wait_until_answered


@dataclass(frozen=True)
class Sample:
    """One series and its value."""

    labels: dict[str, str]
    value: float


Metrics = dict[str, list[Sample]]
"""The series of each name."""


@dataclass(frozen=True)
class Exporter:
    """A running exporter."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def metrics(self, seconds: float = 10) -> Metrics:
        """Scrape it."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=seconds) as response:
            return samples(response.read().decode())


@contextmanager
def exporter(
    command: list[str], listen_option: str, directory: Path, environment: Mapping[str, str]
) -> Iterator[Exporter]:
    """An exporter for as long as the block lasts.

    Args:
        command: program and arguments.
        listen_option: option with the address, up to the value.
        directory: directory of its log.
        environment: environment variables.
    """
    address, log = f"127.0.0.1:{free_port()}", directory / "exporter.log"
    with running(
        [*command, f"{listen_option}{address}"],
        directory=directory,
        log=log,
        stop_signal=signal.SIGTERM,
        environment=environment,
    ) as process:
        wait_until_answered(f"http://{address}/", process, log, "the exporter", 20)
        yield Exporter(address, log, process)


def samples(text: str) -> Metrics:
    """The samples on a page of metrics, by the names of their series."""
    metrics: Metrics = {}
    for line in text.splitlines():
        if match := re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            metrics.setdefault(match[1], []).append(Sample(labels, float(match[3])))
    return metrics
