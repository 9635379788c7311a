"""The files and the state that containers of Redis have in common: their volume, and where it is mounted."""

from pulumi_kubernetes.core.v1 import VolumeArgsDict, VolumeMountArgsDict

from .places import CONFIGURATION_DIRECTORY, STATE_DIRECTORY, USERS_DIRECTORY

FILE_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
    {"name": "acl", "mount_path": USERS_DIRECTORY, "read_only": True},
]
"""Of the volumes ``conf`` and ``acl``: scripts and configuration, users and passwords."""

# In memory, not on the disk of the Kubernetes node: the Sentinel's file holds its password.
STATE_VOLUME: VolumeArgsDict = {"name": "state", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}}
STATE_MOUNT: VolumeMountArgsDict = {"name": "state", "mount_path": STATE_DIRECTORY}
