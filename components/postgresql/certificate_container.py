"""The container that makes the running server load a renewed certificate."""

from pathlib import Path

from pulumi_kubernetes.core.v1 import ContainerArgsDict

from ..blocks.pod import plain_variables, restricted_container
from ..blocks.server_certificate import tls_mount
from .certificate_resources import load_certificate_resources
from .configuration import SOCKET_DIRECTORY, TLS_DIRECTORY
from .settings import PostgreSQLSettings

_SCRIPT = "load-certificate.sh"
_FILES = (_SCRIPT, "certificate.sql")


def certificate_files(settings: PostgreSQLSettings) -> dict[str, str]:
    """Text of the script and of its statement by their file names; empty without TLS."""
    if not settings.tls.enabled:
        return {}
    return {name: (Path(__file__).with_name("files") / name).read_text() for name in _FILES}


def load_certificate(settings: PostgreSQLSettings) -> list[ContainerArgsDict]:
    """The container, a sidecar that starts before the server; none without TLS."""
    if not settings.tls.enabled:
        return []
    return [
        restricted_container(
            {
                "name": "load-certificate",
                "image": settings.image,
                "command": ["sh", f"/etc/postgresql/{_SCRIPT}"],
                # As an init container that is always restarted it starts before the server and ends after it.
                "restart_policy": "Always",
                "env": plain_variables({"PGHOST": SOCKET_DIRECTORY, "TLS_DIRECTORY": TLS_DIRECTORY}),
                "volume_mounts": [
                    {"name": "conf", "mount_path": "/etc/postgresql", "read_only": True},
                    {"name": "run", "mount_path": SOCKET_DIRECTORY},
                    *tls_mount(settings.tls, TLS_DIRECTORY),
                ],
            },
            load_certificate_resources(),
        )
    ]
