"""Names of the Services of Redis, and of the nodes where there are several: one for each pod."""

SERVICE = "redis-service"
"""Service of the servers that are ready."""

SENTINEL_SERVICE = "redis-sentinel"
"""Service of the Sentinels that are ready."""

NODES_SERVICE = "redis-nodes"
"""Headless Service that gives every node a name. Names, not addresses, are what the clients are told."""


def node_names(count: int) -> list[str]:
    """Names of the nodes as the pods of the namespace resolve them."""
    return [f"redis-{ordinal}.{NODES_SERVICE}" for ordinal in range(count)]


def belongs_to_install(host: str) -> bool:
    """Whether that is what every install calls a Service or a node of its own Redis, in any namespace."""
    return any(label in (SERVICE, SENTINEL_SERVICE, NODES_SERVICE) for label in host.lower().split(".")[:2])
