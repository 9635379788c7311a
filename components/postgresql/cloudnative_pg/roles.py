"""The roles of the database in a cluster of CloudNativePG, which the operator creates and keeps.

Free of Pulumi. They are those of one server (docs/decisions/0042-database-roles.md). What they may do in the database
is granted by its owner (``migrate``): the operator has no statement for it.
"""

from collections.abc import Collection
from typing import Any

from ..names import BACKUP_USER, CLIENT_ROLE, CLIENT_USERS, DATABASE, LOGIN_SECRETS, NETWORK_USERS, USER

_MEMBERSHIPS = {
    # The owner has the rights on what the application owns, and sees its sessions.
    USER: [CLIENT_ROLE, "pg_read_all_stats"],
    **{role: [CLIENT_ROLE] for role in CLIENT_USERS},
    BACKUP_USER: ["pg_read_all_data"],
}


def managed_roles(logins: Collection[str]) -> list[dict[str, Any]]:
    """`spec.managed.roles` of the Cluster.

    Args:
        logins: the roles that have a password. A second one of the application has none before the first rotation.
    """
    # In this order: a role is created as a member of one that exists.
    group = {"name": CLIENT_ROLE, "ensure": "present", "login": False}
    return [group, *(_login(role) for role in _MEMBERSHIPS if role in logins)]


def _login(role: str) -> dict[str, Any]:
    own: dict[str, Any] = {"name": role, "ensure": "present", "login": True, "inRoles": _MEMBERSHIPS[role]}
    # The operator sets the password of the owner by the Secret that `bootstrap` names.
    return own if role == USER else {**own, "passwordSecret": {"name": LOGIN_SECRETS[role]}}


def pg_hba() -> list[str]:
    """Lines of pg_hba.conf before the operator's last one, which admits every role, with or without TLS.

    Its first ones admit its own roles: by the socket, and by their certificates.
    """
    return [
        *(f"hostssl {DATABASE} {role} all scram-sha-256" for role in NETWORK_USERS),
        "host all all all reject",
    ]
