"""What servers have that are several: names, one for each pod."""

NODES_SERVICE = "redis-nodes"
"""Headless Service that gives every node a name. Names, not addresses, are what the clients are told."""


def node_names(count: int) -> list[str]:
    """Names of the nodes as the pods of the namespace resolve them."""
    return [f"redis-{ordinal}.{NODES_SERVICE}" for ordinal in range(count)]
