"""Resources of the container that loads a renewed certificate. Free of Pulumi, because the quota counts them."""

from ..blocks.resources import ContainerResources


def load_certificate_resources() -> ContainerResources:
    """`resources`: a shell that looks at two files every two seconds, and psql once for each renewal."""
    return {
        "requests": {"cpu": "5m", "memory": "16Mi", "ephemeral-storage": "8Mi"},
        "limits": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
    }
