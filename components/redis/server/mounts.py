"""Mounts of the files and the state that the containers of Redis share."""

from pulumi_kubernetes.core.v1 import VolumeArgsDict, VolumeMountArgsDict

from .places import CONFIGURATION_DIRECTORY, STATE_DIRECTORY, USERS_DIRECTORY

FILE_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
    {"name": "acl", "mount_path": USERS_DIRECTORY, "read_only": True},
]
"""Mounts of the volumes ``conf`` (scripts and configuration) and ``acl`` (users and passwords)."""

# In memory, not on the disk of the Kubernetes node: the Sentinel's file holds its password.
STATE_VOLUME: VolumeArgsDict = {"name": "state", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}}
STATE_MOUNT: VolumeMountArgsDict = {"name": "state", "mount_path": STATE_DIRECTORY}
