"""Speed and memory of the stack, as ratios to an empty program and to one with a ConfigMap, measured in the same run.

    python -m tests.bench

Exits with 1 if a measurement exceeds its limit. The machine may be busy: each measurement is the median of several
runs, and those that are compared are measured in turns.

With the provider emulators, the measurements lack some costs of the official providers: see `NOT_MEASURED`.
docs/decisions/0028-time-of-a-preview.md says what the time is spent on, and which limits are not met.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from devcluster.clusters.choice import Cluster
from devcluster.toolchain.providers import search_path, uses_emulators
from devcluster.toolchain.pulumi_cli import pulumi_cli
from tests.bench.measuring import Figure, peak_memory, prepared, run, running_cluster, seconds
from tests.bench.scale import scale_figures

ROUNDS = 5
NOT_MEASURED = """\
Measured with the provider emulators. The official kubernetes provider also reads the API server's version and its whole
OpenAPI schema when it is configured (Configure and getResources in pulumi-kubernetes 4.32), once in each command, and
starts as a program of its own; the emulator does neither. One ConfigMap pays for both as the stack does, so that the
ratios to it are nearer to those with the official providers than the ratios to an empty program."""


def main() -> int:
    """Measure, print, and report whether every limit is met."""
    with tempfile.TemporaryDirectory() as directory, running_cluster(Path(directory)) as cluster:
        figures = [
            *engine_figures(Path(directory), cluster),
            *scale_figures(Path(directory), cluster),
            Figure(name="make manifests ENV=prod", value=median_seconds(manifests), limit=3, unit="s"),
            Figure(name="unit tests", value=median_seconds(unit_tests, rounds=1), limit=15, unit="s"),
        ]
    table = Table("figure", "measured", "limit", "")
    for figure in figures:
        mark = "holds" if figure.holds else "[red]over[/red]"
        table.add_row(figure.name, f"{figure.value:.2f} {figure.unit}", f"{figure.limit:g} {figure.unit}", mark)
    Console(width=100).print(table, NOT_MEASURED if uses_emulators(search_path(pulumi_cli())) else "")
    return 0 if all(figure.holds for figure in figures) else 1


def engine_figures(directory: Path, cluster: Cluster) -> list[Figure]:
    """Updates and previews of the stack and of the least programs: whole commands, each in a process of its own."""
    ours = prepared(directory, "dev", "stack", cluster)
    others = {program: prepared(directory, program, program, cluster) for program in ("empty", "config-map")}
    with peak_memory() as memory:
        first_up = seconds(lambda: ours("up"))
    for other in others.values():
        other("up")
    ratios: dict[tuple[str, str], float] = {}
    for operation in ("preview", "up"):
        programs = [ours, *others.values()]
        mine, *theirs = in_turns(*(partial(program, operation) for program in programs))
        ratios |= {(operation, name): mine / base for name, base in zip(others, theirs, strict=True)}
    return [
        Figure(name="first up into a running cluster", value=first_up, limit=40, unit="s"),
        Figure(name="preview / preview of an empty program", value=ratios["preview", "empty"], limit=2, unit="x"),
        Figure(name="no-op up / up of an empty program", value=ratios["up", "empty"], limit=2, unit="x"),
        Figure(name="preview / preview of one ConfigMap", value=ratios["preview", "config-map"], limit=1.3, unit="x"),
        Figure(name="no-op up / up of one ConfigMap", value=ratios["up", "config-map"], limit=1.3, unit="x"),
        Figure(name="engine, program and providers, peak memory", value=memory(), limit=600, unit="MB"),
    ]


def in_turns(*works: Callable[[], object]) -> list[float]:
    """Median seconds of several things done in turns, so that a busy moment hits all."""
    rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def median_seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median seconds that the work takes."""
    return statistics.median(seconds(work) for _ in range(rounds))


def manifests() -> None:
    """Render prod, as `make manifests` does."""
    with tempfile.TemporaryDirectory() as directory:
        out = str(Path(directory) / "out")
        run(sys.executable, "-m", "stackctl", "manifests", "--env", "prod", "--out", out)


def unit_tests() -> None:
    """Run them as `make test-unit` does."""
    run("make", "test-unit")


if __name__ == "__main__":
    sys.exit(main())
