"""Options of a component's children."""

from typing import Any

import pulumi
from pulumi import ResourceOptions


def child_options(parent: pulumi.ComponentResource, **options: Any) -> ResourceOptions:
    """Options of a child: its parent, from which it has the provider, and what differs for this one."""
    return ResourceOptions(parent=parent, **options)


def stateful(protect: bool) -> dict[str, bool]:
    """Options of what cannot be made again: refused to delete or replace, and left in the cluster whatever happens."""
    return {"protect": protect, "retain_on_delete": protect}
