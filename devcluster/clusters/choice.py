"""Chooses the cluster: one that this project creates, or a context of the user's kubeconfig."""

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
    """A running cluster."""

    kind: Kind
    """`kwok`, `kind` and `node` belong to this project, and `down` deletes them; a `context` belongs to the user."""

    name: str
    """Name of the cluster, or of the context."""

    kubeconfig: Path | None
    """Its kubeconfig; None for that of the user (`KUBECONFIG` or the default file)."""

    context: str
    """Context in the kubeconfig."""


def choose(requested: str) -> tuple[Kind, str | None]:
    """The kind of the cluster, and the name of the context if it is the user's.

    Args:
        requested: ``auto``, ``kwok``, ``kind``, ``node`` or the name of a context.

    Raises:
        UsageError: the cluster is not available on this machine.
    """
    if requested == "auto":
        return ("kind" if kind_is_available() else "kwok"), None
    if requested == "kwok":
        return "kwok", None
    if requested == "kind":
        if not kind_is_available():
            raise UsageError(
                f"{option('cluster', 'kind')} needs the program kind on PATH and a Docker engine that answers.\n"
                f"Install them (https://kind.sigs.k8s.io), or use {option('cluster', 'kwok')}, which needs neither."
            )
        return "kind", None
    if requested == "node":
        return "node", None
    if requested not in (contexts := user_contexts()):
        raise UsageError(
            f"{option('cluster', requested)} is neither auto, kwok, kind or node nor a context of your kubeconfig.\n"
            f"Contexts: {', '.join(contexts) or 'none'}."
        )
    return "context", requested


def user_contexts() -> list[str]:
    """Names of the contexts in the user's kubeconfig: that of ``KUBECONFIG``, else the default file.

    Raises:
        UsageError: the kubeconfig exists, but cannot be read.
    """
    try:
        contexts, _ = config.list_kube_config_contexts()
        return [context["name"] for context in contexts]
    except config.ConfigException:
        return []
    except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        # The client raises one of these if the file has an unexpected structure.
        file = os.environ.get("KUBECONFIG") or "~/.kube/config"
        reason = " ".join(str(error).split()) if isinstance(error, (yaml.YAMLError, OSError)) else "not a kubeconfig"
        raise UsageError(f"your kubeconfig {file} cannot be read: {reason}") from error


def kind_is_available() -> bool:
    """Whether a kind cluster can be created: the program is on PATH and Docker answers."""
    if not (shutil.which("kind") and shutil.which("docker")):
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
