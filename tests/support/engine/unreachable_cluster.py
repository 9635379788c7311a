"""A cluster whose API server does not answer."""

from dataclasses import replace
from pathlib import Path

import yaml

from devcluster.clusters.choice import Cluster


def unreachable(cluster: Cluster, directory: Path) -> Cluster:
    """The same cluster at a port without a listener."""
    assert cluster.kubeconfig
    contents = yaml.safe_load(cluster.kubeconfig.read_text())
    for entry in contents["clusters"]:
        entry["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(contents))
    return replace(cluster, kubeconfig=kubeconfig)
