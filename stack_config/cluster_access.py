"""Which cluster the stack is deployed to, and with which credentials: `cluster` and `kubeContext`.

docs/decisions/0037-cluster-access.md
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from components.blocks.base_settings import Settings

KUBECONFIG = "kubeconfig"
"""Secret config key: the contents of a kubeconfig."""

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_API_SERVER = "https://kubernetes.default.svc"
# Files belong to one machine. Their contents have a field of their own: certificate-authority-data.
_FILES = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}

Mode = Literal["context", "inCluster", "kubeconfig"]


class ClusterSettings(Settings):
    """`cluster` in the stack's config."""

    mode: Mode = Field(
        "context",
        description="How the stack reaches its cluster. `context`: by `kubeContext` of your kubeconfig. `inCluster`: "
        "by the ServiceAccount of the pod that runs Pulumi, such as a workspace of the Pulumi Kubernetes Operator. "
        "`kubeconfig`: by the secret `kubeconfig`.",
    )


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """How kubectl and the provider reach the cluster."""

    context: str | None = None
    """Context of the kubeconfig; None for its current context."""

    kubeconfig: str | None = field(default=None, repr=False)
    """Contents of a kubeconfig, perhaps with credentials; None for the one of the environment."""

    name: str
    """The cluster in a message: ``context prod``."""

    flags: str
    """Flags of kubectl in a command that a person runs."""


def in_context(context: str) -> ClusterAccess:
    """The cluster of a context of the environment's kubeconfig."""
    return ClusterAccess(context=context, name=f"context {context}", flags=f"--context={context}")


def cluster_access(mode: Mode, context: str, kubeconfig: str | None) -> ClusterAccess:
    """The cluster of the settings.

    Args:
        mode: `cluster.mode`.
        context: `kubeContext`; may be empty where the mode does not need it.
        kubeconfig: value of the secret `kubeconfig`.
    """
    match mode:
        case "context":
            return in_context(context)
        case "inCluster":
            return ClusterAccess(kubeconfig=service_account_kubeconfig(), name="the cluster of this pod", flags="")
        case "kubeconfig":
            assert kubeconfig
            return ClusterAccess(
                context=context or None,
                kubeconfig=kubeconfig,
                name="the cluster of the secret kubeconfig",
                flags="--kubeconfig=<file>",
            )


def service_account_kubeconfig() -> str:
    """A kubeconfig with the credentials of the pod's ServiceAccount.

    It names the files of the token and of the authority, which are the same in every pod: no secret gets into the
    state, and a renewed token is read again. client-go's own in-cluster configuration is used only without any
    kubeconfig: a file in the home directory would lead to another cluster.
    """
    name = "in-cluster"
    authority = str(_SERVICE_ACCOUNT / "ca.crt")
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": _API_SERVER, "certificate-authority": authority}}],
            "users": [{"name": name, "user": {"tokenFile": str(_SERVICE_ACCOUNT / "token")}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


def runs_in_cluster() -> bool:
    """Whether this is a pod with a token of its ServiceAccount."""
    return (_SERVICE_ACCOUNT / "token").is_file()


def kubeconfig_errors(text: str, context: str) -> Iterator[tuple[str, str]]:
    """The errors in a kubeconfig, and what is allowed. Never quotes a part of it.

    Args:
        text: its contents.
        context: `kubeContext`; empty for the current context.
    """
    contents = "the contents of a kubeconfig: kubectl config view --minify --flatten --raw"
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError:
        loaded = None
    if not isinstance(loaded, dict) or not all(
        isinstance(loaded.get(section), list) for section in ("clusters", "contexts", "users")
    ):
        yield "it is not a kubeconfig; a path of a file belongs to one machine", contents
        return
    if not context and not loaded.get("current-context"):
        yield "it has no current context", f"{contents}; or set kubeContext"
    if context and context not in _names(loaded["contexts"]):
        yield "it does not have the context of kubeContext", f"{contents}; or another kubeContext"
    if files := sorted(_file_fields(loaded)):
        yield f"it names files of one machine ({', '.join(files)})", contents


def _names(entries: list[Any]) -> set[object]:
    return {entry.get("name") for entry in entries if isinstance(entry, dict)}


def _file_fields(loaded: Mapping[str, Any]) -> Iterator[str]:
    for kind, fields in _FILES.items():
        for entry in loaded[f"{kind}s"]:
            inner = entry.get(kind) if isinstance(entry, dict) else None
            yield from (name for name in fields if isinstance(inner, dict) and inner.get(name))
