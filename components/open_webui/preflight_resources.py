"""Resources of the preflight, the same in every environment."""

from ..blocks.resources import ContainerResources


def preflight_resources() -> ContainerResources:
    """`resources` of the Job: Python with the client of PostgreSQL, 36 MiB, and that of S3, 61 MiB (measured)."""
    return {
        "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "64Mi"},
    }
