"""Metrics of Redis: redis_exporter beside the server, with a Redis user of its own."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict

from ...blocks.exporter import EXPORTER
from ...blocks.exporter import exporter_container as sidecar
from ...blocks.pod import plain_variables
from ..names import USERS_SECRET

EXPORTER_PORT = 9121


def exporter_container(redis_port: int, *, image: str, tls: bool) -> ContainerArgsDict:
    """The sidecar. Its user may read statistics and nothing else; it does not ask for CONFIG.

    Args:
        redis_port: port of the server beside it.
        image: image of the exporter.
        tls: whether it speaks TLS. The exporter does not verify the certificate: only the server of the same pod
            answers at the loopback address.
    """
    variables = {
        "REDIS_ADDR": f"{'rediss' if tls else 'redis'}://localhost:{redis_port}",
        "REDIS_USER": "exporter",
        "REDIS_EXPORTER_CONFIG_COMMAND": "-",
        **({"REDIS_EXPORTER_SKIP_TLS_VERIFICATION": "true"} if tls else {}),
    }
    address, user, *further = plain_variables(variables)
    password: EnvVarArgsDict = {
        "name": "REDIS_PASSWORD",
        "value_from": {"secret_key_ref": {"name": USERS_SECRET, "key": "exporter-password"}},
    }
    return sidecar(
        {"name": EXPORTER, "image": image, "env": [address, user, password, *further]},
        port=EXPORTER_PORT,
        health_path="/health",
    )
