"""The scripts that run in the pods before Open WebUI serves: their ConfigMap, and the containers that run them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ..blocks.children import Children
from ..blocks.pod import restricted_container
from ..blocks.resources import ContainerResources

PACKAGE = "startup"
"""Name of the Python package that the scripts are in."""

SCRIPTS_DIRECTORY = "/etc/open-webui"
"""Mount path of the package in the containers."""

_VOLUME = "scripts"

SCRIPTS_MOUNT: VolumeMountArgsDict = {
    "name": _VOLUME,
    "mount_path": f"{SCRIPTS_DIRECTORY}/{PACKAGE}",
    "read_only": True,
}
"""Mount of the scripts in a container."""

SCRIPTS_VARIABLE: EnvVarArgsDict = {"name": "PYTHONPATH", "value": SCRIPTS_DIRECTORY}
"""Variable with which Python finds them. Their names hide none of Open WebUI's modules, as they are in a package."""

BYTECODE_DIRECTORY = "/var/cache/python"
"""Where the containers of a pod share the modules that one of them has compiled."""

BYTECODE_MOUNT: VolumeMountArgsDict = {"name": "bytecode", "mount_path": BYTECODE_DIRECTORY}
BYTECODE_VOLUME: VolumeArgsDict = {"name": "bytecode", "empty_dir": {}}
BYTECODE_VARIABLE: EnvVarArgsDict = {"name": "PYTHONPYCACHEPREFIX", "value": BYTECODE_DIRECTORY}
"""Variable that makes Python store compiled modules there, because the file system of the image is read-only and
contains none."""


def startup_scripts() -> dict[str, str]:
    """The files by their names."""
    directory = Path(__file__).with_name("files") / PACKAGE
    return {file.name: file.read_text() for file in sorted(directory.iterdir()) if file.suffix in (".py", ".conf")}


def config_map_name(files: Mapping[str, str]) -> str:
    """Name of the ConfigMap with these files.

    It changes with the files: if an update does not complete, the pods of the old version keep their own scripts, also
    if one of them restarts.
    """
    contents = "\0".join(f"{name}\0{text}" for name, text in sorted(files.items()))
    return f"open-webui-startup-{hashlib.sha256(contents.encode()).hexdigest()[:10]}"


def config_map(children: Children, files: Mapping[str, str]) -> k8s.core.v1.ConfigMap:
    """The ConfigMap. When a file changes, an update creates another one, and deletes this one when it is complete.

    The logical name changes too, so this is not a replacement. After a replacement in a refused update, the old
    revision of the program would fail, because its ConfigMap still exists.
    """
    name = config_map_name(files)
    return k8s.core.v1.ConfigMap(
        name, metadata=children.metadata(name), immutable=True, data=files, opts=children.options()
    )


def scripts_volume(files: Mapping[str, str]) -> VolumeArgsDict:
    """The volume of a pod that runs scripts."""
    return {"name": _VOLUME, "config_map": {"name": config_map_name(files)}}


def script_command(script: str) -> list[str]:
    """Command that runs one of the scripts."""
    return ["python", "-m", f"{PACKAGE}.{script}"]


def script_container(
    script: str,
    *,
    image: str,
    environment: list[EnvVarArgsDict],
    resources: ContainerResources,
    mounts: list[VolumeMountArgsDict],
) -> ContainerArgsDict:
    """A container that runs one of the scripts and ends.

    Args:
        script: name of the script; the container has that name with dashes.
        image: Open WebUI's.
        environment: its variables.
        resources: its requests and limits.
        mounts: its volumes, beside that of the scripts.
    """
    return restricted_container(
        {
            "name": script.replace("_", "-"),
            "image": image,
            "command": script_command(script),
            "env": [*environment, SCRIPTS_VARIABLE],
            # `kubectl describe` and `pulumi up` show the last lines of its log, which contain the reason of a failure.
            "termination_message_policy": "FallbackToLogsOnError",
            "volume_mounts": [SCRIPTS_MOUNT, *mounts],
        },
        resources,
    )
