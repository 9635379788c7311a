"""The container that sets the current passwords of the roles on the running server."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict, VolumeArgsDict, VolumeMountArgsDict

from ..blocks.pod import plain_variables, restricted_container, secret_volume
from .configuration import CONFIGURATION_DIRECTORY, SOCKET_DIRECTORY
from .container_sizes import load_roles_resources
from .names import BACKUP_USER, CLIENT_ROLE, CLIENT_USERS, DATABASE, ROLES_SECRET, USER
from .scripts import ROLES_SCRIPT

_DIRECTORY = "/run/secrets/roles"
_SUPERUSER = "postgres"

ROLES_MOUNT: VolumeMountArgsDict = {"name": "roles", "mount_path": _DIRECTORY, "read_only": True}
"""Mount of the verifiers."""

ROLES_VARIABLES = {
    "POSTGRES_USER": USER,
    "POSTGRES_DB": DATABASE,
    "ROLES_DIRECTORY": _DIRECTORY,
    "CLIENT_ROLE": CLIENT_ROLE,
    "CLIENT_USERS": " ".join(CLIENT_USERS),
    "BACKUP_USER": BACKUP_USER,
}
"""Variables of roles.sh."""

OWNER_FILE = f"{_DIRECTORY}/{USER}"
"""The verifier of the owner."""


def roles_volume() -> VolumeArgsDict:
    """The verifiers of all roles. The kubelet changes the files of a running pod about a minute after the Secret."""
    return secret_volume("roles", ROLES_SECRET)


def load_roles(image: str) -> ContainerArgsDict:
    """The container: it sets the passwords by the server's socket when the files have changed.

    Args:
        image: image of the server, which has `psql`.
    """
    return restricted_container(
        {
            "name": "load-roles",
            "image": image,
            "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{ROLES_SCRIPT}", "watch"],
            # A sidecar: starts before the server and ends after it.
            "restart_policy": "Always",
            "env": plain_variables({**ROLES_VARIABLES, "PGHOST": SOCKET_DIRECTORY, "PGUSER": _SUPERUSER}),
            "volume_mounts": [
                {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
                {"name": "run", "mount_path": SOCKET_DIRECTORY},
                ROLES_MOUNT,
            ],
        },
        load_roles_resources(),
    )
