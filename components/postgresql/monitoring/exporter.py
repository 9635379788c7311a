"""Metrics of PostgreSQL: postgres_exporter beside the server, with a role of its own.

It connects over the loopback interface of the pod: the pod's address of its own would need a password, and with the
server's socket it could log in as the superuser (docs/decisions/0045-postgresql-monitoring.md).
"""

from pathlib import Path

from pulumi_kubernetes.core.v1 import ContainerArgsDict, VolumeArgsDict

from ...blocks.exporter import EXPORTER, exporter_container
from ...blocks.image_versions import postgresql_major
from ...blocks.pod import plain_variables
from ..names import CONFIG_MAP, DATABASE, PORT

EXPORTER_PORT = 9187

EXPORTER_USER = EXPORTER
"""Role of the exporter: it reads statistics and no table of the application."""

QUERIES = "exporter-queries.yaml"
"""File of the ConfigMap with the metrics that the exporter has not by itself."""

_DIRECTORY = "/etc/postgres-exporter"
_VOLUME = "exporter"

# Off: their queries take a lock on every table for its size, and wait for a migration or an index that is built. The
# file of queries has the sums that the dashboard needs.
_DISABLED = ("stat_user_tables", "statio_user_tables", "roles")
_ENABLED = ("database_wraparound", "postmaster")
# The view of PostgreSQL 17; with an earlier server the exporter would log a warning at every scrape.
_CHECKPOINTER_SINCE = 17
_SECONDS_OF_A_SCRAPE = 8


def exporter_files() -> dict[str, str]:
    """Files of the ConfigMap that the exporter reads."""
    return {QUERIES: Path(__file__).with_name(QUERIES).read_text()}


def exporter_volume() -> VolumeArgsDict:
    """The volume with those files and no others."""
    return {"name": _VOLUME, "config_map": {"name": CONFIG_MAP, "items": [{"key": QUERIES, "path": QUERIES}]}}


def server_exporter(*, image: str, server_image: str) -> ContainerArgsDict:
    """The sidecar.

    Args:
        image: image of the exporter.
        server_image: image of the server, whose major version decides what can be asked.
    """
    major = postgresql_major(server_image)
    enabled = _ENABLED if major and int(major) < _CHECKPOINTER_SINCE else (*_ENABLED, "stat_checkpointer")
    connection = {
        "host": "127.0.0.1",
        "port": str(PORT),
        "user": EXPORTER_USER,
        "dbname": DATABASE,
        "sslmode": "disable",
        "connect_timeout": "5",
        "application_name": EXPORTER,
    }
    return exporter_container(
        {
            "name": EXPORTER,
            "image": image,
            "args": [
                f"--web.listen-address=:{EXPORTER_PORT}",
                f"--extend.query-path={_DIRECTORY}/{QUERIES}",
                f"--collection-timeout={_SECONDS_OF_A_SCRAPE}s",
                *(f"--no-collector.{name}" for name in _DISABLED),
                *(f"--collector.{name}" for name in enabled),
            ],
            "env": plain_variables({"DATA_SOURCE_NAME": " ".join(map("=".join, connection.items()))}),
            "volume_mounts": [{"name": _VOLUME, "mount_path": _DIRECTORY, "read_only": True}],
        },
        port=EXPORTER_PORT,
        # The page that leads to the metrics.
        health_path="/",
    )
