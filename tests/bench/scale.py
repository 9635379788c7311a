"""What the size of a stack costs: previews and updates without changes of 1, 5 and 20 stacks' worth of objects, and of
one stack with 100 web replicas and three Redis shards.

    python -m tests.bench.scale

The ratios are those of CPU time, which depends little on the load of the machine; the seconds that pass are beside
them. docs/capacity.md has a measurement.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from devcluster.clusters.choice import Cluster
from tests.bench.measuring import Figure, cpu_seconds, peak_memory, prepared, running_cluster, seconds

ROUNDS = 3
COPIES = (1, 5, 20)
LARGE = (
    "namespace=large",
    "openWebui.replicas=100",
    "openWebui.uploads.acceptLoss=true",
    "postgresql.maxConnections=3000",
    "postgresql.resources.limits.memory=32Gi",
    "redis.topology=cluster",
    "quota.enabled=false",
)
"""Three shards are the least of a Redis Cluster, with a replica each."""

PREVIEW_LIMIT = 2.0
"""Times the preview of an empty program."""

REPLICAS_LIMIT = 1.3
"""Times the preview of `dev`, with two replicas and one Redis: the number of pods is a number in one object."""

GROWTH_LIMIT = 1.6
"""Times the cost of one more stack's worth of objects, between 5 and 20 of them, against that between 1 and 5: 1.06 to
1.4 in single rounds, and 4.2 if the cost were quadratic."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians of one operation."""

    cpu: float
    wall: float
    memory: float
    """Most MB of the engine, the program and the providers together."""


def cost(work: Callable[[], object]) -> Cost:
    """Do it once."""
    wall = 0.0

    def timed() -> None:
        nonlocal wall
        wall = seconds(work)

    with peak_memory() as memory:
        cpu = cpu_seconds(timed)
    return Cost(cpu=cpu, wall=wall, memory=memory())


def costs(directory: Path, cluster: Cluster) -> dict[tuple[str, str], Cost]:
    """Medians of each operation by program and operation, measured in turns."""
    programs = {
        f"copies-{number}": prepared(directory, f"copies-{number}", f"copies-{number}", cluster) for number in COPIES
    }
    programs["dev"] = prepared(directory, "small", "stack", cluster, ("namespace=small",))
    programs["large"] = prepared(directory, "large", "stack", cluster, LARGE)
    programs["none"] = prepared(directory, "none", "empty", cluster)
    measured: dict[tuple[str, str], list[Cost]] = {}
    for name, program in programs.items():
        measured[name, "first"] = [cost(partial(program, "first"))]
    for _ in range(ROUNDS):
        for operation in ("preview", "up"):
            for name, program in programs.items():
                once = cost(partial(program, operation))
                measured.setdefault((name, operation), []).append(once)
    return {key: _median(values) for key, values in measured.items()}


def _median(values: list[Cost]) -> Cost:
    return Cost(
        cpu=median(each.cpu for each in values),
        wall=median(each.wall for each in values),
        memory=max(each.memory for each in values),
    )


def growth(measured: dict[tuple[str, str], Cost], operation: str) -> float:
    """How the cost of one more copy grows: 1 where it does not."""
    few, some, many = (measured[f"copies-{number}", operation].cpu for number in COPIES)
    return ((many - some) / (COPIES[2] - COPIES[1])) / ((some - few) / (COPIES[1] - COPIES[0]))


def figures(measured: dict[tuple[str, str], Cost]) -> list[Figure]:
    """The bounds."""
    large, dev, none = (measured[name, "preview"] for name in ("large", "dev", "none"))
    return [
        Figure(
            name="preview of 100 replicas, 3 shards / of an empty program",
            value=large.cpu / none.cpu,
            limit=PREVIEW_LIMIT,
            unit="x",
        ),
        Figure(
            name="preview of 100 replicas, 3 shards / of dev",
            value=large.cpu / dev.cpu,
            limit=REPLICAS_LIMIT,
            unit="x",
        ),
        *(
            Figure(
                name=f"growth of the {name}, 1 to 20 stacks",
                value=growth(measured, operation),
                limit=GROWTH_LIMIT,
                unit="x",
            )
            for name, operation in (("preview", "preview"), ("no-op up", "up"))
        ),
    ]


def scale_figures(directory: Path, cluster: Cluster) -> list[Figure]:
    """Measure, for `make bench`."""
    return figures(costs(directory, cluster))


def main() -> int:
    """Measure, and print everything."""
    with tempfile.TemporaryDirectory() as directory, running_cluster(Path(directory)) as cluster:
        measured = costs(Path(directory), cluster)
    table = Table("program", "operation", "CPU s", "s", "MB", "CPU x empty")
    for (name, operation), each in measured.items():
        ratio = each.cpu / measured["none", operation].cpu
        table.add_row(name, operation, f"{each.cpu:.2f}", f"{each.wall:.1f}", f"{each.memory:.0f}", f"{ratio:.2f}")
    console = Console(width=110)
    console.print(table)
    bounds = figures(measured)
    for figure in bounds:
        console.print(f"{figure.name}: {figure.value:.2f} {figure.unit}, limit {figure.limit:g} {figure.unit}")
    return 0 if all(figure.holds for figure in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
