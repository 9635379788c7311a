"""Records which cluster each environment is on, from `up` to `down`."""

import json
from dataclasses import asdict
from pathlib import Path

from host.directories import environment_directory, environments_in_use, write
from terminal.errors import LocalError
from terminal.invocation import command_line

from .clusters import control_plane, kind, kwok, node
from .clusters.choice import Cluster, choose


def cluster_of(environment: str) -> Cluster | None:
    """The cluster of the environment; None before the first `up`."""
    # `environment_directory` would create the directory; a query must not.
    if environment not in environments_in_use() or not (file := _record(environment)).exists():
        return None
    values = json.loads(file.read_text())
    return Cluster(**{**values, "kubeconfig": Path(values["kubeconfig"]) if values["kubeconfig"] else None})


def orphaned_cluster(environment: str) -> Cluster | None:
    """A cluster that runs although its record, or the whole cache, was removed manually."""
    name = _cluster_name(environment)
    return kwok.named(name, _kubeconfig(environment)) if name in control_plane.names() else None


def bring_up(environment: str, requested: str) -> tuple[Cluster, bool]:
    """Start the cluster of an environment; return it, and whether it is new and empty.

    Args:
        environment: name of the environment; each has a cluster of its own.
        requested: value of CLUSTER; ``auto`` keeps the cluster that the environment is on.

    Raises:
        LocalError: the environment is on another cluster, or the cluster does not start.
    """
    known = cluster_of(environment)
    if known and requested == "auto":
        requested = known.context if known.kind == "context" else known.kind
    kind_of_cluster, context = choose(requested)
    if known and (known.kind, known.context if context else None) != (kind_of_cluster, context):
        raise LocalError(
            f"{environment} is on {known.kind} {known.context}. To move it to {requested}, take it down first:\n"
            f"  {command_line('down', env=environment)}"
        )
    name, kubeconfig = _cluster_name(environment), _kubeconfig(environment)
    # Recorded before the start, so that `down` finds the remains of an interrupted start.
    if context is not None:
        cluster = _recorded(environment, Cluster(kind="context", name=context, kubeconfig=None, context=context))
        return cluster, False
    if kind_of_cluster == "kwok":
        _recorded(environment, kwok.named(name, kubeconfig))
        return kwok.up(name, kubeconfig)
    if kind_of_cluster == "node":
        _recorded(environment, node.named(name, kubeconfig))
        return node.up(name, kubeconfig)
    _recorded(environment, kind.named(name, kubeconfig))
    return kind.up(name, kubeconfig)


def take_down(cluster: Cluster) -> None:
    """Remove a cluster of this project with everything that runs for it.

    Raises:
        LocalError: a process of the cluster is still running.
    """
    if cluster.kind == "kwok":
        control_plane.delete(cluster.name)
    elif cluster.kind == "node":
        node.delete(cluster.name)
    elif cluster.kind == "kind":
        kind.delete(cluster)


def _recorded(environment: str, cluster: Cluster) -> Cluster:
    values = asdict(cluster) | {"kubeconfig": str(cluster.kubeconfig) if cluster.kubeconfig else None}
    write(_record(environment), json.dumps(values))
    return cluster


def _cluster_name(environment: str) -> str:
    return f"open-webui-stack-{environment}"


def _kubeconfig(environment: str) -> Path:
    return environment_directory(environment) / "kubeconfig"


def _record(environment: str) -> Path:
    return environment_directory(environment) / "cluster.json"
