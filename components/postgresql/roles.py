"""The roles that log in to the database, with their passwords.

Docs: docs/decisions/0042-database-roles.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from pulumi import Output

from ..blocks.children import Children, stateful
from ..blocks.generated_secrets import generated_password, generated_passwords
from .names import (
    BACKUP_USER,
    GENERATED_BACKUP_PASSWORD,
    GENERATED_CLIENT_PASSWORD,
    GENERATED_PASSWORD,
    USER,
    client_user,
)
from .scram import scram_verifier


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The roles that may log in over the network."""

    passwords: Mapping[str, Output[str]]
    """Password by role. Secret."""

    client_user: str
    """The role with which new pods of the application serve."""

    @property
    def verifiers(self) -> dict[str, Output[str]]:
        """The verifier of each password, by role. Secret, although it does not reveal the password."""
        return {role: password.apply(partial(scram_verifier, role)) for role, password in self.passwords.items()}


def roles(children: Children, *, rotation: int, protect: bool) -> Roles:
    """Generate the passwords.

    Args:
        children: creates them.
        rotation: number of the current passwords, from 1. The previous one of the application stays valid, so that its
            pods can be rolled one by one.
        protect: whether Pulumi refuses to delete the passwords.
    """
    options = children.options(**stateful(protect))
    passwords = {
        USER: generated_password(GENERATED_PASSWORD, rotation, options),
        **client_passwords(children, rotation=rotation, protect=protect),
        BACKUP_USER: generated_password(GENERATED_BACKUP_PASSWORD, rotation, options),
    }
    return Roles(passwords=passwords, client_user=client_user(rotation))


def client_passwords(children: Children, *, rotation: int, protect: bool) -> dict[str, Output[str]]:
    """Generate the passwords of the web pods, by user: the current one and that before it (see `roles`)."""
    clients = generated_passwords(GENERATED_CLIENT_PASSWORD, rotation, children.options(**stateful(protect)))
    return {client_user(number): password for number, password in enumerate(clients, 1)}
