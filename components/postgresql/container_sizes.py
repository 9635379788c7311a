"""Resources of the small containers beside the server, the same in every environment."""

from ..blocks.resources import ContainerResources


def load_roles_resources() -> ContainerResources:
    """`resources` of the container: a shell that looks at files every two seconds, and for a moment `psql`."""
    return {
        "requests": {"cpu": "5m", "memory": "16Mi", "ephemeral-storage": "8Mi"},
        "limits": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
    }
