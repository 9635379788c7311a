"""Security contexts that Pod Security "restricted" requires, and a read-only root file system.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Settings import this module and must not import Pulumi.
    from pulumi_kubernetes.core.v1 import PodSecurityContextArgsDict, SecurityContextArgsDict

UID = 10001
"""User of every container: above 10000, never a user of the node."""


def pod_security_context(*, group: int = UID) -> PodSecurityContextArgsDict:
    """Security context of a pod: not root, its volumes owned by ``group``, the runtime's seccomp profile."""
    return {
        "run_as_non_root": True,
        "run_as_user": UID,
        "run_as_group": group,
        "fs_group": group,
        # The kubelet then does not change the owner of all files of a volume at every start.
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> SecurityContextArgsDict:
    """Security context of a container: no privilege escalation, no capabilities, a read-only root file system."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
