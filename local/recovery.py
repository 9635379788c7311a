"""Going on after an update that was interrupted: locks whose process is gone, creations that nobody saw the end of."""

from typing import Any

from kubernetes import client, config, dynamic
from pulumi import automation

from .cluster.choice import Cluster
from .console import notices
from .directories import state_directory
from .progress import resource_name
from .stale_locks import remove_stale_locks
from .workspace import run_pulumi


def recover(stack: automation.Stack, cluster: Cluster) -> None:
    """Make the stack ready for the next update; says what was found and does nothing when there was nothing.

    Raises:
        LocalError: the engine could not take over what had been created.
    """
    if remove_stale_locks(state_directory()):
        notices.print("the last update was interrupted: its lock is removed, what it had done is kept")
    pending = _pending_creations(stack)
    if not pending:
        return
    created: list[str] = []
    for resource in pending:
        name = resource_name(resource["urn"])
        if identifier := _identifier_if_there(resource, cluster):
            created += ["--import-pending-creates", resource["urn"], "--import-pending-creates", identifier]
            notices.print(f"  {name} had been created when the last update was interrupted: taken over")
        else:
            notices.print(f"  {name} had not been created when the last update was interrupted: comes again")
    if created:
        _refresh(stack, *created)
    _refresh(stack, "--clear-pending-creates")


def _refresh(stack: automation.Stack, *flags: str) -> None:
    run_pulumi(stack.workspace, "refresh", "--yes", "--skip-preview", "--stack", stack.name, *flags)


def _pending_creations(stack: automation.Stack) -> list[dict[str, Any]]:
    deployment = stack.export_stack().deployment or {}
    operations = deployment.get("pending_operations") or []
    return [operation["resource"] for operation in operations if operation["type"] == "creating"]


def _identifier_if_there(resource: dict[str, Any], cluster: Cluster) -> str | None:
    """Identifier of a Kubernetes object, ``namespace/name``, when the cluster has it. Others leave nothing behind."""
    manifest = resource.get("inputs", {})
    name = manifest.get("metadata", {}).get("name")
    if not resource["type"].startswith("kubernetes:") or not name:
        return None
    namespace = manifest["metadata"].get("namespace")
    api = dynamic.DynamicClient(
        config.new_client_from_config(
            config_file=str(cluster.kubeconfig) if cluster.kubeconfig else None, context=cluster.context
        )
    )
    try:
        kind = api.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        api.get(kind, name=name, namespace=namespace)
    except client.ApiException:
        return None
    return f"{namespace}/{name}" if namespace else str(name)
