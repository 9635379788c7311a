"""What the preflight needs. It is the same for every environment."""

from ..resources import ContainerResources


def preflight_resources() -> ContainerResources:
    """`resources` of the Job: Python with the clients of PostgreSQL and S3 (measured: 90 MiB)."""
    return {
        "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "64Mi"},
    }
