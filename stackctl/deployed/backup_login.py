"""The role with which a Job of the backups logs in."""

from typing import Any

from components.backup.names import DUMP_CONTAINER, SECRET_DIRECTORY, SECRET_VOLUME
from components.postgresql.backup_access import PASSWORD_FILE
from components.postgresql.names import BACKUP_PASSWORD, BACKUP_USER, PASSWORD, USER

_OWNERS = {"PGUSER": USER, PASSWORD_FILE: f"{SECRET_DIRECTORY}/{PASSWORD}"}


def restore_as_owner(pod: dict[str, Any]) -> None:
    """Make the script log in as the owner of the tables instead of the role of the backups.

    Dumps need only the right to read, so only the Job of a restore mounts the password of the owner.

    Args:
        pod: spec of the pod; changed in place. A pod without the role of the backups does not change.
    """
    (container,) = [
        each for each in (*pod.get("initContainers", ()), *pod["containers"]) if each["name"] == DUMP_CONTAINER
    ]
    if {"name": "PGUSER", "value": BACKUP_USER} not in container["env"]:
        return
    container["env"] = [
        {**variable, "value": _OWNERS[variable["name"]]} if variable["name"] in _OWNERS else variable
        for variable in container["env"]
    ]
    (volume,) = [each for each in pod["volumes"] if each["name"] == SECRET_VOLUME]
    items = volume["secret"]["items"]
    assert items == [{"key": BACKUP_PASSWORD, "path": BACKUP_PASSWORD}], items
    volume["secret"]["items"] = [{"key": PASSWORD, "path": PASSWORD}]
