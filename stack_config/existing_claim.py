"""Checks that the PersistentVolumeClaim of uploads exists and can be mounted, before anything is registered.

A pod with a PVC that does not exist stays pending, and the update waits for it until its deadline.
"""

from collections.abc import Iterator
from typing import Any

import pulumi

from components.blocks.finding import Finding, fix_command

from .cluster_questions import NotFoundError, Question
from .existing_namespace import StackNamespace

_KEY = "openWebui.uploads.volume.existingClaim"


def claim_question(name: str, namespace: StackNamespace) -> Question:
    """Whether the PersistentVolumeClaim of uploads can be mounted. Reading it needs a permission.

    Args:
        name: of the PVC.
        namespace: the stack's.
    """
    return Question(
        about=f"whether the PersistentVolumeClaim of {_KEY} exists", findings=lambda: claim_findings(name, namespace)
    )


def claim_findings(name: str, namespace: StackNamespace) -> Iterator[Finding]:
    """Why the web pods cannot mount the PVC; nothing if they can.

    When the namespace does not exist yet, the PVC cannot exist either: then a warning says so.
    """
    if namespace.is_missing:
        if namespace.created_by_stack:
            pulumi.log.warn(
                f"the namespace {namespace.name} does not exist yet, nor does the PersistentVolumeClaim {name} of "
                f"{_KEY} in it. The web pods wait until it exists; after the deadline of the update it fails"
            )
        return
    try:
        existing = namespace.ask(f"/api/v1/namespaces/{namespace.name}/persistentvolumeclaims/{name}")
    except NotFoundError:
        yield _finding(name, namespace, f"there is no PersistentVolumeClaim {name} in {namespace.where}")
        return
    if reason := _unusable(existing):
        yield _finding(name, namespace, f"the PersistentVolumeClaim {name} in {namespace.where} {reason}")
    elif "ReadWriteMany" not in (modes := existing["spec"]["accessModes"]):
        pulumi.log.warn(
            f"the PersistentVolumeClaim {name} of {_KEY} is {', '.join(modes)}: web pods on a second node cannot mount "
            "it and do not start"
        )


def _unusable(claim: dict[str, Any]) -> str | None:
    if claim["metadata"].get("deletionTimestamp"):
        return "is being deleted: no new pod can mount it"
    if claim.get("status", {}).get("phase") == "Lost":
        return "has lost its volume"
    if claim["spec"]["accessModes"] == ["ReadWriteOncePod"]:
        return "is ReadWriteOncePod: a rolling update starts a second pod, which can never mount it"
    return None


def _finding(claim: str, namespace: StackNamespace, message: str) -> Finding:
    flags = f"{namespace.access.flags} -n {namespace.name}".strip()
    return Finding(
        key=_KEY,
        value=claim,
        message=f"{message}; the web pods would not start",
        allowed="a PersistentVolumeClaim that every replica can mount, ReadWriteMany; without the key the stack "
        "creates one",
        commands=(f"kubectl {flags} get persistentvolumeclaims", fix_command(_KEY, "<name>")),
    )
