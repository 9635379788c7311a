"""Checks a namespace that the stack does not create, before anything is registered."""

import json
from typing import Any

import pulumi

from components.blocks.finding import Finding, fix_command

from .cluster_access import ClusterAccess
from .cluster_questions import NotAskedError, kubectl, there_is_a_cluster
from .load import ConfigError
from .report import report

ENFORCE = "pod-security.kubernetes.io/enforce"


def require_namespace(name: str, access: ClusterAccess) -> None:
    """Check that the namespace exists. Warns if it admits pods that are not restricted, or cannot be read.

    Raises:
        ConfigError: there is no such namespace; nothing has been registered yet.
    """
    if not there_is_a_cluster():
        return
    try:
        text = kubectl(access, "get", "namespace", name, "--ignore-not-found", "--output=json")
    except NotAskedError as error:
        pulumi.log.warn(f"not checked whether the namespace {name} exists: {error}")
        return
    if not text.strip():
        raise ConfigError(report([_missing(name, access)]))
    if warning := level_warning(json.loads(text)):
        pulumi.log.warn(warning)


def level_warning(namespace: dict[str, Any]) -> str | None:
    """A warning about the Pod Security level that the namespace enforces; None for `restricted`."""
    metadata = namespace["metadata"]
    level = (metadata.get("labels") or {}).get(ENFORCE)
    if level == "restricted":
        return None
    enforced = f"enforces Pod Security {level}" if level else "enforces no Pod Security level"
    return (
        f"the namespace {metadata['name']} {enforced}. The stack's pods are restricted in any case; others in it may "
        f"not be: kubectl label namespace {metadata['name']} {ENFORCE}=restricted"
    )


def _missing(name: str, access: ClusterAccess) -> Finding:
    return Finding(
        key="namespace",
        value=name,
        message=f"{access.name} has no namespace {name}, and createNamespace is false",
        allowed="a namespace that exists, or createNamespace: true",
        commands=(
            f"kubectl {access.flags} create namespace {name}".replace("  ", " "),
            fix_command("createNamespace", "true"),
        ),
    )
