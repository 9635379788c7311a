"""Which cluster: a throw-away one of this project, or a context that the user named."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from kubernetes import config

from terminal.errors import UsageError
from terminal.invocation import option

Kind = Literal["kwok", "kind", "node", "context"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that is up."""

    kind: Kind
    """`kwok`, `kind` and `node` are this project's own and go with `down`; a `context` is the user's and stays."""

    name: str
    """Name of the cluster, or of the user's context."""

    kubeconfig: Path | None
    """Its kubeconfig; None for the user's own (`KUBECONFIG` or the default file)."""

    context: str
    """Context in the kubeconfig."""


def choose(asked: str) -> tuple[Kind, str | None]:
    """Kind of the cluster, and the user's context when it is one.

    Args:
        asked: ``auto``, ``kwok``, ``kind``, ``node`` or the name of a context.

    Raises:
        UsageError: what was asked for cannot be had here.
    """
    if asked == "auto":
        return ("kind" if kind_is_there() else "kwok"), None
    if asked == "kwok":
        return "kwok", None
    if asked == "kind":
        if not kind_is_there():
            raise UsageError(
                f"{option('cluster', 'kind')} needs the program kind on PATH and a Docker engine that answers.\n"
                f"Install them (https://kind.sigs.k8s.io), or use {option('cluster', 'kwok')}, which needs neither."
            )
        return "kind", None
    if asked == "node":
        return "node", None
    if asked not in (contexts := user_contexts()):
        raise UsageError(
            f"{option('cluster', asked)} is neither auto, kwok, kind or node nor a context of your kubeconfig.\n"
            f"Contexts there: {', '.join(contexts) or 'none'}."
        )
    return "context", asked


def user_contexts() -> list[str]:
    """Names of the contexts in the user's own kubeconfig: that of ``KUBECONFIG``, else the default file.

    Raises:
        UsageError: there is one, but it cannot be read.
    """
    try:
        contexts, _ = config.list_kube_config_contexts()
        return [context["name"] for context in contexts]
    except config.ConfigException:
        return []
    except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        # The client's own ways to say that something in the file is not what it expects.
        file = os.environ.get("KUBECONFIG") or "~/.kube/config"
        reason = " ".join(str(error).split()) if isinstance(error, (yaml.YAMLError, OSError)) else "not a kubeconfig"
        raise UsageError(f"your kubeconfig {file} cannot be read: {reason}") from error


def kind_is_there() -> bool:
    """Whether a kind cluster can be made: the program is there and Docker answers."""
    if not (shutil.which("kind") and shutil.which("docker")):
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
