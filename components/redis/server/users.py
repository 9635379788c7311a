"""The Secret with the users of Redis: the valid passwords, and the passwords of the pod's own containers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
from pulumi import Output

from ...blocks.children import Children
from ...blocks.generated_secrets import generated_password, generated_passwords
from ..names import CLIENT_USER, GENERATED_PASSWORD, USERS_SECRET
from ..topologies.base import ServerTopology
from .acl import acl_file

# Valid passwords during a rotation: the new one, and the previous one until every client has been rolled.
VALID_PASSWORDS = 2


@dataclass(frozen=True, kw_only=True)
class Users:
    """The users of one Redis."""

    password: Output[str]
    """Current password of ``openwebui``. Secret."""

    secret: pulumi.Resource
    """Secret ``redis-acl``: ``users.acl``, and ``<user>-password`` of each user of the pod's own containers."""


def users(children: Children, layout: ServerTopology, *, rotation: int) -> Users:
    """Generate the passwords and create the Secret.

    Args:
        children: creates the Secret.
        layout: the topology, which names the users of the pod's own containers. Their passwords never leave the pods
            and are not rotated.
        rotation: number of the current password of ``openwebui``. The previous one stays valid, so that the clients
            can be rolled one by one.
    """
    own = (*layout.users, *(("certificates",) if layout.settings.tls.enabled else ()))
    clients = generated_passwords(GENERATED_PASSWORD, rotation, children.options())
    internal = {name: generated_password(f"redis-{name}-password", 1, children.options()) for name in own}
    valid: Mapping[str, list[Output[str]]] = {
        CLIENT_USER: clients[-VALID_PASSWORDS:],
        **{name: [password] for name, password in internal.items()},
    }
    every = Output.all(**{name: Output.all(*passwords) for name, passwords in valid.items()})
    contents = {
        **{name: every.apply(partial(acl_file, rules=rules)) for name, rules in layout.acl_files.items()},
        **{f"{name}-password": password for name, password in internal.items()},
    }
    if layout.replicated:
        contents["replication.conf"] = Output.concat(
            "masteruser replication\nmasterauth ", internal["replication"], "\n"
        )
    return Users(password=clients[-1], secret=children.secret(USERS_SECRET, contents).resource)
