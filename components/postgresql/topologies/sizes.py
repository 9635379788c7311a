"""Sizes that every server of the stack needs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...blocks.base_settings import Problem
from ...blocks.quantities import MEBIBYTE, quantity

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings

LEAST_STORAGE = "1Gi"


def size_problems(settings: "PostgreSQLSettings") -> Iterator[Problem]:
    """Problems of memory and a volume that are too small for a server."""
    memory, least = settings.resources.memory_limit, settings.least_memory(settings.max_connections)
    if quantity(memory) < least * MEBIBYTE:
        yield Problem(
            keys=("resources.limits.memory", "maxConnections"),
            message=f"resources.limits.memory {memory} is too little for PostgreSQL with maxConnections "
            f"{settings.max_connections}: beside the connections, the index of the documents could not be built",
            allowed=f"at least {least}Mi, or fewer connections",
            fix=f"{least}Mi",
        )
    if quantity(settings.storage.size) < quantity(LEAST_STORAGE):
        yield Problem(
            keys=("storage.size",),
            message=f"storage.size {settings.storage.size} is too little for a database and its log",
            allowed=f"at least {LEAST_STORAGE}",
            fix="10Gi",
        )
