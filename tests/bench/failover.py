"""How long Redis accepts no writes when the primary is lost: killed, and with a planned switchover.

    python -m tests.bench.failover [runs]

Writes docs/redis-failover.md and docs/data/redis-failover.json after 20 runs of each kind, a quarter of a minute
each. Exits with 1 when the target is missed. Three nodes as rendered for `prod`, each with an address of its own on
this machine: no network in between, no kubelet. A run ends when a write succeeds that a Sentinel's answer led to,
tried every 50 ms from the moment of the loss. The next one begins when the node is back and the Sentinels agree.
"""

import json
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack_config.files import ROOT
from tests.support.servers.redis_nodes import SERVICE, Node, Nodes, nodes_of, resolve_names
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import give_away

PAGE = ROOT / "docs" / "redis-failover.md"
DATA = ROOT / "docs" / "data" / "redis-failover.json"
TARGET_SECONDS = 10
SERVERS = "is killed with its Sentinel | no retries"


def write(sentinels: Any) -> bool:
    """Whether the primary that the Sentinels name takes a write over a new connection."""
    try:
        return bool(sentinels.master_for(SERVICE, socket_timeout=1).set("open-webui:x", "1"))
    except redis.RedisError:
        return False


def at_once() -> dict[str, Any]:
    """Options of a client that repeats nothing by itself: what is measured is the servers' part."""
    return {"retry": Retry(NoBackoff(), 0)}


def seconds_without_writes(nodes: Nodes, lose: Any, options: dict[str, Any]) -> float:
    """Seconds from the loss of the primary to the first write at the new one."""
    sentinels, old = nodes.of_clients(**options), nodes.master
    # The others do not know the moment in the servers' periods at which it happens.
    time.sleep(random.uniform(0, 2))
    began = time.monotonic()
    loss = threading.Thread(target=lose, args=[old])
    loss.start()
    # A write that the old primary still took does not count.
    while old.processes or not write(sentinels):
        time.sleep(0.05)
    taken = time.monotonic() - began
    loss.join()
    old.start()
    nodes.wait(lambda: all(nodes.agreed(node) for node in nodes.nodes), "agreement", 120)
    nodes.wait(lambda: all(node.role() for node in nodes.nodes), "links", 120)
    return taken


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def page(measured: dict[str, list[float]]) -> str:
    """The table."""
    rows = [
        f"| {name} | {len(values)} | {min(values)} | {statistics.median(values):.2f} | "
        f"{percentile(values, 95)} | {max(values)} |"
        for name, values in measured.items()
    ]
    every = [f"- {name}: {', '.join(map(str, values))}" for name, values in measured.items()]
    return f"""\
# Failover of Redis with Sentinels

Seconds from the loss of the primary to the first successful write of a client to the new one, which the client finds
through the Sentinels. `python -m tests.bench.failover` measured three servers as rendered for `prod`
(`redis.sentinel.downAfterSeconds` 5), as processes on one machine of two cores that also ran other work. A Kubernetes
cluster adds its network, and the start of the pod that is replaced. The data: `docs/data/redis-failover.json`.

![Every run of each kind, in seconds](images/redis-failover.svg)

| The primary | Client | Runs | Least | p50 | p95 | Most |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Target: p95 below {TARGET_SECONDS} s for the part of the servers. The retries of redis-py come on top: it tries a lost
Sentinel ten times, with pauses of up to a second, before it asks the next one. Every run, in order:

{chr(10).join(every)}
"""


def main() -> int:
    """0 when the target is met."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    ways = {
        SERVERS: (Node.kill, at_once()),
        "is killed with its Sentinel | redis-py's defaults": (Node.kill, {}),
        "switches over (preStop) | no retries": (Node.stop, at_once()),
    }
    measured: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="stack-") as name, pytest.MonkeyPatch.context() as patch:
        give_away(Path(name))
        with nodes_of(Path(name), rendered) as nodes:
            resolve_names(nodes, patch)
            nodes.bring_up()
            for way, (lose, options) in ways.items():
                for _ in range(runs):
                    measured[way].append(round(seconds_without_writes(nodes, lose, options), 1))
                    print(f"{way}: {measured[way][-1]} s", flush=True)
    DATA.write_text(json.dumps(measured, indent=2) + "\n")
    PAGE.write_text(page(measured))
    print(PAGE.read_text())
    return int(percentile(measured[SERVERS], 95) >= TARGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
