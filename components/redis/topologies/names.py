"""Names of the Services of Redis, and of its servers where there are several."""

SERVICE = "redis-service"
"""Service of the servers that are ready."""

SENTINEL_SERVICE = "redis-sentinel"
"""Service of the Sentinels that are ready."""

HEADLESS_SERVICE = "redis-nodes"
"""Headless Service that gives every pod a name. Clients receive names, not addresses."""


def server_names(count: int) -> list[str]:
    """Names of the servers as the pods of the namespace resolve them."""
    return [f"redis-{ordinal}.{HEADLESS_SERVICE}" for ordinal in range(count)]


def belongs_to_install(host: str) -> bool:
    """Whether an install uses this name for a Service or a server of its own Redis, in any namespace."""
    return any(label in (SERVICE, SENTINEL_SERVICE, HEADLESS_SERVICE) for label in host.lower().split(".")[:2])
