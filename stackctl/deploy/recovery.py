"""Going on after an update that was interrupted: locks whose process is gone, creations that nobody saw the end of."""

import json
from typing import Any

from pulumi import automation

from devcluster.clusters.api import dynamic_client, find
from devcluster.clusters.choice import Cluster
from host.directories import state_directory
from terminal.console import notices

from .progress import resource_name
from .stale_locks import remove_stale_locks
from .workspace import run_pulumi


def recover(stack: automation.Stack, cluster: Cluster) -> None:
    """Make the stack ready for the next update; says what was found and does nothing when there was nothing.

    Raises:
        LocalError: the engine could not take over what had been created, or the cluster does not say what there is.
    """
    if remove_stale_locks(state_directory()):
        notices.print("the last update was interrupted: its lock is removed, what it had done is kept")
    # By the CLI: what the Automation API exports has its secrets decrypted.
    state = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    pending = _pending_creations(state)
    if not pending:
        return
    created: list[dict[str, Any]] = []
    for resource in pending:
        name = resource_name(resource["urn"])
        if identifier := _identifier_if_there(resource, cluster):
            created.append({**resource, "id": identifier})
            notices.print(f"  {name} had been created when the last update was interrupted: taken over")
        else:
            notices.print(f"  {name} had not been created when the last update was interrupted: comes again")
    # Not by `refresh --import-pending-creates`: the engine forgets what that names, and creates it a second time.
    state["deployment"]["resources"] = with_created(state["deployment"].get("resources", []), created)
    # Drops the pending operations, too.
    run_pulumi(stack.workspace, "stack", "import", "--stack", stack.name, stdin=json.dumps(state))
    if created:
        # What the cluster says of them, and whether they have become ready, is not in the state yet.
        targets = [argument for resource in created for argument in ("--target", resource["urn"])]
        run_pulumi(stack.workspace, "refresh", "--yes", "--skip-preview", "--stack", stack.name, *targets)


def with_created(resources: list[dict[str, Any]], created: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources of a state together with those whose creation nobody saw the end of.

    Args:
        resources: as the state has them, each after what it depends on.
        created: what is to be added. What it depends on is there already; of one that was being replaced there is the
            note that its predecessor is deleted, and its place is there.
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
    """Identifier of a Kubernetes object, ``namespace/name``, when the cluster has it. Others leave nothing behind."""
    manifest = resource.get("inputs", {})
    name = manifest.get("metadata", {}).get("name")
    if not resource["type"].startswith("kubernetes:") or not name:
        return None
    if find(dynamic_client(cluster), manifest) is None:
        return None
    namespace = manifest["metadata"].get("namespace")
    return f"{namespace}/{name}" if namespace else str(name)
