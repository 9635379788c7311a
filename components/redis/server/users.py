"""The Secret with the users of Redis: which passwords are valid, and the ones that the pod's own containers use."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Output
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ...blocks.children import child_options
from ...blocks.generated_secrets import generated_password, generated_passwords
from ..topologies.base import ServerTopology
from .acl import acl_file

SECRET = "redis-acl"
# The passwords of a rotation: the new one, and the one that is in use until every client has been rolled.
VALID_PASSWORDS = 2


@dataclass(frozen=True, kw_only=True)
class Users:
    """The users of one Redis."""

    password: Output[str]
    """Current password of ``openwebui``. Secret."""

    secret: k8s.core.v1.Secret
    """Secret ``redis-acl``: ``users.acl``, and ``<user>-password`` of each user of the pod's own containers."""


def users(
    parent: pulumi.ComponentResource, metadata: ObjectMetaArgsDict, layout: ServerTopology, *, rotation: int
) -> Users:
    """Generate the passwords and create the Secret.

    Args:
        parent: component that they belong to.
        metadata: namespace and labels of the Secret.
        layout: its own users. Their passwords never leave the pods and are not rotated.
        rotation: number of the current password of ``openwebui``. The previous one stays valid, so that the clients can
            be rolled one by one.
    """
    own = (*layout.users, *(("certificates",) if layout.settings.tls.enabled else ()))
    clients = generated_passwords("redis-password", rotation, child_options(parent))
    internal = {name: generated_password(f"redis-{name}-password", 1, child_options(parent)) for name in own}
    valid: Mapping[str, list[Output[str]]] = {
        "openwebui": clients[-VALID_PASSWORDS:],
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
    secret = k8s.core.v1.Secret(
        SECRET, metadata={"name": SECRET, **metadata}, string_data=contents, opts=child_options(parent)
    )
    return Users(password=clients[-1], secret=secret)
