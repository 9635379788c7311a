"""Which cluster each environment is on: remembered from `up` to `down`."""

import json
from dataclasses import asdict
from pathlib import Path

from host.directories import environment_directory, environments_in_use, write
from terminal.errors import LocalError
from terminal.invocation import command_line

from .clusters import control_plane, kind, kwok, node
from .clusters.choice import Cluster, choose


def cluster_of(environment: str) -> Cluster | None:
    """The cluster that `up` put the environment on; None before the first one."""
    # Not by `environment_directory`, which makes it: asking does not put anything into use.
    if environment not in environments_in_use() or not (file := _record(environment)).exists():
        return None
    values = json.loads(file.read_text())
    return Cluster(**{**values, "kubeconfig": Path(values["kubeconfig"]) if values["kubeconfig"] else None})


def left_over(environment: str) -> Cluster | None:
    """A cluster that is there though nothing is noted of it: its record, or the whole cache, was removed by hand."""
    name = _cluster_name(environment)
    return kwok.named(name, _kubeconfig(environment)) if name in control_plane.names() else None


def bring_up(environment: str, asked: str) -> tuple[Cluster, bool]:
    """The running cluster of an environment, and whether it is new and thus empty.

    Args:
        environment: name of the environment; a cluster of this project is for it alone.
        asked: value of CLUSTER; ``auto`` keeps the cluster the environment is on.

    Raises:
        LocalError: the environment is on another cluster, or none could be started.
    """
    known = cluster_of(environment)
    if known and asked == "auto":
        asked = known.context if known.kind == "context" else known.kind
    kind_of_cluster, context = choose(asked)
    if known and (known.kind, known.context if context else None) != (kind_of_cluster, context):
        raise LocalError(
            f"{environment} is on {known.kind} {known.context}. To move it to {asked}, take it down first:\n"
            f"  {command_line('down', env=environment)}"
        )
    name, kubeconfig = _cluster_name(environment), _kubeconfig(environment)
    # Recorded before the start: what a start that is cut short leaves behind is then found by `down`.
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
    """Remove a cluster of this project with all that runs for it.

    Raises:
        LocalError: something of it is still there.
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
