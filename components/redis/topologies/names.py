"""Host names of the servers of a topology with several servers."""

from ..names import APP, HEADLESS_SERVICE, SENTINEL_SERVICE, SERVICE


def server_names(count: int) -> list[str]:
    """Names of the servers as the pods of the namespace resolve them."""
    return [f"{APP}-{ordinal}.{HEADLESS_SERVICE}" for ordinal in range(count)]


def belongs_to_install(host: str) -> bool:
    """Whether an installation uses this name for a Service or a server of its own Redis, in any namespace."""
    return any(label in (SERVICE, SENTINEL_SERVICE, HEADLESS_SERVICE) for label in host.lower().split(".")[:2])
