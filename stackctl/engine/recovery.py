"""Recovery after an interrupted update: locks of ended processes, and creations that were not recorded."""

import json
from typing import Any

from pulumi import automation

from devcluster.clusters.api import dynamic_client, find
from devcluster.clusters.choice import Cluster
from host.directories import state_directory
from pulumi_values.urns import resource_name
from terminal.console import notices

from .stale_locks import remove_stale_locks
from .workspace import run_pulumi


def recover(stack: automation.Stack, cluster: Cluster) -> None:
    """Make the stack ready for the next update, and print what was recovered. Without an interruption, do nothing.

    Raises:
        LocalError: the engine cannot adopt the created resources, or the cluster does not answer.
    """
    if remove_stale_locks(state_directory()):
        notices.print("the last update was interrupted: its lock is removed, what it did is kept")
    # From the CLI: the Automation API exports decrypted secrets.
    state = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    pending = _pending_creations(state)
    if not pending:
        return
    created: list[dict[str, Any]] = []
    for resource in pending:
        name = resource_name(resource["urn"])
        if identifier := _identifier_if_there(resource, cluster):
            created.append({**resource, "id": identifier})
            notices.print(f"  {name} was created before the last update was interrupted: adopted")
        else:
            notices.print(f"  {name} was not created before the last update was interrupted: created now")
    # `refresh --import-pending-creates` does not work: the engine loses those resources and creates them again.
    state["deployment"]["resources"] = with_created(state["deployment"].get("resources", []), created)
    # The import also drops the pending operations.
    run_pulumi(stack.workspace, "stack", "import", "--stack", stack.name, stdin=json.dumps(state))
    if created:
        # The state lacks their outputs, and whether they became ready.
        targets = [argument for resource in created for argument in ("--target", resource["urn"])]
        run_pulumi(stack.workspace, "refresh", "--yes", "--skip-preview", "--stack", stack.name, *targets)


def with_created(resources: list[dict[str, Any]], created: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources of a state, and resources that were created but not recorded.

    Args:
        resources: those of the state, each after its dependencies.
        created: resources to add. Their dependencies are in the state. A resource that was being replaced takes the
            place of the entry for its deleted predecessor.
    """
    missing = {resource["urn"]: resource for resource in created}
    placed = [
        missing.pop(resource["urn"], resource) if resource.get("pendingReplacement") else resource
        for resource in resources
    ]
    return [*placed, *missing.values()]


def _pending_creations(state: dict[str, Any]) -> list[dict[str, Any]]:
    operations = state["deployment"].get("pending_operations") or []
    return [operation["resource"] for operation in operations if operation["type"] == "creating"]


def _identifier_if_there(resource: dict[str, Any], cluster: Cluster) -> str | None:
    """Identifier of a Kubernetes object, ``namespace/name``, if it exists. Other resources leave nothing behind."""
    manifest = resource.get("inputs", {})
    name = manifest.get("metadata", {}).get("name")
    if not resource["type"].startswith("kubernetes:") or not name:
        return None
    if find(dynamic_client(cluster), manifest) is None:
        return None
    namespace = manifest["metadata"].get("namespace")
    return f"{namespace}/{name}" if namespace else str(name)
