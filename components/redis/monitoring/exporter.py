"""Metrics of Redis: redis_exporter beside the server, with a Redis user of its own."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict

from ...blocks.pod import container_port, plain_variables, restricted_container
from ...blocks.probes import http_probe
from ..names import USERS_SECRET
from ..server.container_sizes import exporter_resources

EXPORTER_PORT = 9121


def scrape_annotations() -> dict[str, str]:
    """Annotations for a Prometheus that discovers pods by them."""
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(EXPORTER_PORT), "prometheus.io/path": "/metrics"}


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
    return restricted_container(
        {
            "name": "exporter",
            "image": image,
            "env": [address, user, password, *further],
            "ports": [container_port("metrics", EXPORTER_PORT)],
            "readiness_probe": http_probe("/health", port="metrics", period_seconds=10, failure_threshold=3),
            "liveness_probe": http_probe("/health", port="metrics", period_seconds=30, failure_threshold=5),
        },
        exporter_resources(),
    )
