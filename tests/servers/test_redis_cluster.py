"""Redis Cluster: how it comes about, what happens when a master goes, when there are more of them, and who may do what."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers.redis_cluster import Cluster, cluster_of
from tests.servers.redis_nodes import Node, resolve_names
from tests.servers.rendered import Find


@pytest.fixture
def cluster(directory: Path, manifest: Find, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Three masters with a replica each."""
    with cluster_of(directory, manifest) as made:
        resolve_names(made, monkeypatch)
        made.bring_up()
        yield made


def fill(cluster: Cluster, count: int = 300) -> dict[str, str]:
    """Keys of all parts, on the replicas too."""
    written = {f"open-webui:auth:token:{number}:revoked": str(number) for number in range(count)}
    client = cluster.client()
    for key, value in written.items():
        client.set(key, value)
    for node in cluster.nodes:
        if cluster.role(node) == "master" and node.name in cluster.parts():
            assert cluster.inspector(node).wait(1, 5000) >= 1
    return written


def missing(cluster: Cluster, written: dict[str, str]) -> list[str]:
    client = cluster.client()
    return [key for key, value in written.items() if client.get(key) != value]


def test_the_job_makes_a_cluster_and_can_be_run_again(cluster: Cluster) -> None:
    parts = cluster.parts()
    assert sorted(parts.values()) == [5461, 5461, 5462]
    assert sorted(cluster.role(node) for node in cluster.nodes) == ["master"] * 3 + ["slave"] * 3
    assert len({cluster.replica_of(node).name for node in cluster.nodes if node.name in parts}) == 3
    written = fill(cluster)

    said = cluster.set_up()

    assert said.splitlines() == ["set-up-cluster.sh: the cluster serves: 3 masters, 16384 slots"]
    assert cluster.parts() == parts
    assert missing(cluster, written) == []
    assert cluster.denials() == []
