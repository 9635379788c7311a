"""Metrics of Redis: redis_exporter beside the server, with a Redis user of its own."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict

from ...blocks.container_resources import resource_requirements
from ...blocks.pod_security import container_security_context
from ...blocks.probes import http_probe
from ..server.container_sizes import exporter_resources

EXPORTER_PORT = 9121
EXPORTER_IMAGE = "oliver006/redis_exporter:v1.69.0-alpine"


def scrape_annotations() -> dict[str, str]:
    """Annotations for a Prometheus that discovers pods by them."""
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(EXPORTER_PORT), "prometheus.io/path": "/metrics"}


def exporter_container(redis_port: int, *, tls: bool) -> ContainerArgsDict:
    """The sidecar. Its user may read statistics and nothing else; it does not ask for CONFIG.

    Args:
        redis_port: port of the server beside it.
        tls: whether it speaks TLS. Its certificate is not looked at: at the pod's own loopback address nobody else
            answers.
    """
    encrypted: list[EnvVarArgsDict] = [{"name": "REDIS_EXPORTER_SKIP_TLS_VERIFICATION", "value": "true"}] if tls else []
    return {
        "name": "exporter",
        "image": EXPORTER_IMAGE,
        "image_pull_policy": "IfNotPresent",
        "env": [
            {"name": "REDIS_ADDR", "value": f"{'rediss' if tls else 'redis'}://localhost:{redis_port}"},
            {"name": "REDIS_USER", "value": "exporter"},
            {
                "name": "REDIS_PASSWORD",
                "value_from": {"secret_key_ref": {"name": "redis-acl", "key": "exporter-password"}},
            },
            {"name": "REDIS_EXPORTER_CONFIG_COMMAND", "value": "-"},
            *encrypted,
        ],
        "ports": [{"name": "metrics", "container_port": EXPORTER_PORT, "protocol": "TCP"}],
        "resources": resource_requirements(exporter_resources()),
        "readiness_probe": http_probe("/health", port="metrics", period_seconds=10, failure_threshold=3),
        "liveness_probe": http_probe("/health", port="metrics", period_seconds=30, failure_threshold=5),
        "security_context": container_security_context(),
    }
