"""The exporter beside a server: the container that serves the server's metrics to Prometheus."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict

from .monitoring import exporter_resources
from .pod import container_port, restricted_container
from .probes import http_probe

EXPORTER = "exporter"
"""Name of the container."""

METRICS = "metrics"
"""Name of the port of every exporter."""


def scrape_annotations(port: int) -> dict[str, str]:
    """Annotations for a Prometheus that discovers pods by them."""
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(port), "prometheus.io/path": "/metrics"}


def exporter_container(spec: ContainerArgsDict, *, port: int, health_path: str) -> ContainerArgsDict:
    """The sidecar.

    Args:
        spec: the specific part: `EXPORTER` as the name, image, arguments, variables, mounts.
        port: port of the metrics.
        health_path: HTTP path that answers without a query to the server, because metrics are most important while the
            server is down.
    """
    return restricted_container(
        {
            **spec,
            "ports": [container_port(METRICS, port)],
            "readiness_probe": http_probe(health_path, port=METRICS, period_seconds=10, failure_threshold=3),
            "liveness_probe": http_probe(health_path, port=METRICS, period_seconds=30, failure_threshold=5),
        },
        exporter_resources(),
    )
