"""The measurements of each design: one function for each kind of row, the same for all designs."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from stackctl.deployed.stack import WEB, restarts
from stackctl.verify.load import load
from tests.support.e2e import faults
from tests.support.e2e.design_table import POSTGRESQL_KILLED, REDIS_KILLED, REDIS_STOPPED, WEB_KILLED, Cell
from tests.support.e2e.designs import REPLICAS, Design
from tests.support.e2e.faults import SETTLING_SECONDS
from tests.support.e2e.load_summary import RATE, SOCKETS, summary
from tests.support.e2e.serving import until_served
from tests.support.e2e.start_times import first_pod_at, first_start

_START_SECONDS = 420
_RESTORED_SECONDS = 150
_ROLL_SECONDS = 240


class Start(NamedTuple):
    """A first start."""

    time: Cell
    restarts: Cell


def start(design: Design) -> Start:
    """Deploy it on an empty database, until all web pods serve."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        deploying = worker.submit(design.deploy)
        served = until_served(design.stack, REPLICAS, seconds=_START_SECONDS, deploying=deploying)
        seconds = served - first_pod_at(design.stack)
        deploying.result()
    # Prints the steps.
    first_start(design.stack)
    again = sum(map(restarts, design.stack.pods(WEB)))
    return Start(Cell(f"{seconds:.0f} s", {"seconds": seconds}), Cell(str(again), {"count": again}))


def change_of_a_setting(design: Design, client: str, token: str) -> Cell:
    """The web pods get another variable and roll, as their workload does it."""
    kubectl = design.stack.kubectl
    with load(design.stack, client, rate=RATE, sockets=SOCKETS, token=token) as outcome:
        kubectl.run("set", "env", design.workload, "WEBUI_NAME=Ours")
        timeout = f"--timeout={_ROLL_SECONDS}s"
        kubectl.run("rollout", "status", design.workload, timeout, seconds=_ROLL_SECONDS + 10)
        restored = _restored(design)
        time.sleep(SETTLING_SECONDS)
    back = math.inf if outcome.disconnected else max(outcome.gaps, default=0.0)
    return Cell(summary(outcome) + restored, {"failed": len(outcome.failures), "websockets": back})


def fault(design: Design, client: str, token: str, cause: faults.Fault) -> Cell:
    """Users while a fault happens, until all web pods serve again."""
    problems: list[str] = []
    seen, began = faults.observed_fault(design.stack, client, token, cause, lambda: problems.append(_restored(design)))
    numbers = {"failed": len(seen.failures), "events": seen.seconds_without_events(began), "lost": len(seen.lost)}
    return Cell(seen.summary(began) + problems[0], numbers)


def one_more_replica(design: Design) -> Cell:
    """A further web pod, from the decision until it is ready and answers."""
    began = time.time()
    design.stack.kubectl.run("scale", design.workload, f"--replicas={REPLICAS + 1}")
    seconds = until_served(design.stack, REPLICAS + 1, seconds=_RESTORED_SECONDS) - began
    return Cell(f"{seconds:.1f} s", {"seconds": seconds})


FAULTS: dict[str, Callable[[Design], faults.Fault]] = {
    WEB_KILLED: lambda _: faults.kill(WEB, WEB),
    REDIS_KILLED: lambda design: faults.kill("redis", design.redis),
    REDIS_STOPPED: lambda design: faults.stop("redis", design.redis),
    POSTGRESQL_KILLED: lambda _: faults.kill("postgres", "postgres"),
}
"""The faults by their rows."""


def _restored(design: Design) -> str:
    """Empty when all web pods serve again; else what to add to the row."""
    try:
        until_served(design.stack, REPLICAS, seconds=_RESTORED_SECONDS)
    except AssertionError as error:
        print(error)
        return f"; not all replicas again after {_RESTORED_SECONDS} s"
    return ""
