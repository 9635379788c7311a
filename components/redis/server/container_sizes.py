"""Resources of the small containers of Redis, the same in every environment."""

from ...blocks.resources import ContainerResources


def reload_resources() -> ContainerResources:
    """`resources` of the container that loads the users' file: a shell that looks at a file every two seconds."""
    return {
        "requests": {"cpu": "5m", "memory": "8Mi", "ephemeral-storage": "8Mi"},
        "limits": {"cpu": "50m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
    }


def sentinel_resources() -> ContainerResources:
    """`resources` of a Sentinel: it holds no data."""
    return {
        "requests": {"cpu": "20m", "memory": "16Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "200m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }


def set_up_resources() -> ContainerResources:
    """`resources` of the Job of a cluster: a shell and redis-cli."""
    return {
        "requests": {"cpu": "20m", "memory": "16Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "200m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }
