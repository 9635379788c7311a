"""Metrics of PgBouncer: pgbouncer_exporter in its pod, as a user that may read statistics.

It connects over the loopback interface of the pod: by the socket it could log in as the administrator of PgBouncer
(docs/decisions/0056-pooler-metrics.md).
"""

from pulumi_kubernetes.core.v1 import ContainerArgsDict

from ....blocks.exporter import EXPORTER, exporter_container
from ....blocks.pod import plain_variables
from ...names import PORT
from ..configuration import CONSOLE

EXPORTER_PORT = 9127

EXPORTER_USER = EXPORTER
"""User of the exporter. PgBouncer alone knows it; the server behind it has no such role."""


def pooler_exporter(*, image: str, tls: bool) -> ContainerArgsDict:
    """The sidecar.

    Args:
        image: image of the exporter.
        tls: whether PgBouncer requires TLS. Its certificate does not name 127.0.0.1, and is not verified there.
    """
    connection = {
        "host": "127.0.0.1",
        "port": str(PORT),
        "user": EXPORTER_USER,
        "dbname": CONSOLE,
        "sslmode": "require" if tls else "disable",
        "connect_timeout": "5",
    }
    return exporter_container(
        {
            "name": EXPORTER,
            "image": image,
            "args": [f"--web.listen-address=:{EXPORTER_PORT}"],
            "env": plain_variables(
                {"PGBOUNCER_EXPORTER_CONNECTION_STRING": " ".join(map("=".join, connection.items()))}
            ),
        },
        port=EXPORTER_PORT,
        # The page that leads to the metrics.
        health_path="/",
    )
