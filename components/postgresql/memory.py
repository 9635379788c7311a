"""How a PostgreSQL server divides the memory limit of its container.

One sum, so that no size is chosen without the others: what is certain (shared buffers, the cost of every process, the
kernel's cache of files) is subtracted from the limit, and the rest is shared by maintenance and queries. If the rest
is too small for the work of the application, there is no division, and the stack refuses the limit. Measurements and
reasons: docs/decisions/0026-postgresql-memory.md.
"""

from dataclasses import dataclass
from math import floor

LEAST_MAINTENANCE = 96
"""MiB of maintenance_work_mem. pgvector refuses to build an IVFFlat index with less than its samples take: 10,000
vectors of at most 8,008 bytes (``vector(2000)``, ``halfvec(4000)``), for each the distances to 100 centers, and the
centers: 84 MiB."""

MOST_MAINTENANCE = 2048
"""MiB: the graph of 300,000 chunks. A parallel build allocates all of it at once, however small the table is."""

LEAST_WORK = 4
"""MiB of work_mem: PostgreSQL's default. With less, a join of a million rows writes thousands of small files."""

OPERATIONS = 2
"""Hash tables or sorts that one query fills at the same time: a join of three tables has two."""

MOST_WORKERS = 2
"""Parallel workers of one query or index build, PostgreSQL's default: each multiplies the memory of the query."""

_BUFFERS_SHARE = 4
"""A quarter of the limit, the starting point of https://www.postgresql.org/docs/17/runtime-config-resource.html, for
the shared buffers together with what describes them: in the server and in the page tables of every process."""
_BUFFER_OVERHEAD = 1.02
_PAGE_CACHE_SHARE = 16
"""Memory that the kernel needs for files that are being written."""
_SERVER = 64
"""MiB of the postmaster and its helpers, the log's buffers, the kernel's structures."""
_PROCESS_SHARED = 0.055
_PROCESS_PRIVATE = 2.75
"""MiB, the mean of the 25 connections of a pod: 12 stay in its pools and have used every table (measured: 3.9 each, for
catalogs and plans), 13 are closed after a burst (measured: 1.2 when new, 1.7 with some use)."""
_BUFFERS_PER_PAGE_TABLE = 1024
"""A process that has touched all shared buffers has 8 bytes of page tables for each 4 KiB of them; about half have."""
_AUTOVACUUM_WORK = 32
_SEGMENT_OVERHEAD = 1.5
"""Dynamic shared memory grows by segments that double in size: the last one can be a third of all."""
_SHARED_MEMORY_SPARE = 16
"""MiB of /dev/shm for statistics and the queues of parallel workers."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load that a server must support at the same time."""

    connections: int
    """Connections, every one of them used."""

    queries: int
    """Queries that sort or hash more than they may keep in memory, beside an index build. 0: never beside one."""

    cores: int
    """Whole processor cores of the container."""

    autovacuum_workers: int
    """Autovacuum processes; 0 turns autovacuum off."""

    other_programs: int = 0
    """MiB of other programs in the container."""


@dataclass(frozen=True, kw_only=True)
class ServerMemory:
    """Sizes in MiB, and the parallelism they allow."""

    shared_buffers: int
    effective_cache_size: int
    maintenance_work_mem: int
    autovacuum_work_mem: int
    work_mem: int
    workers: int
    """Parallel workers of one query or index build; 0 turns parallelism off."""

    shared_memory: int
    """Size of /dev/shm: one parallel index build, and the hash tables of all parallel queries."""

    def parameters(self) -> dict[str, str]:
        """The server parameters, as postgresql.conf writes them."""
        sizes = ("shared_buffers", "effective_cache_size", "maintenance_work_mem", "autovacuum_work_mem", "work_mem")
        return {
            **{name: f"{getattr(self, name)}MB" for name in sizes},
            # One bound for sorts and hash tables.
            "hash_mem_multiplier": "1",
            "max_parallel_workers_per_gather": str(self.workers),
            "max_parallel_maintenance_workers": str(self.workers),
            # No parameter limits the memory of compiled queries: tens of MiB in each process.
            "jit": "off",
        }


def server_memory(limit: int, load: Load) -> ServerMemory | None:
    """Divide ``limit`` MiB for ``load``, with as many parallel workers as fit. None: the limit is too small."""
    most = min(load.cores - 1, MOST_WORKERS)
    divisions = (_divided(limit, load, workers) for workers in range(max(most, 0), -1, -1))
    return next((division for division in divisions if division), None)


def least_limit(load: Load) -> int:
    """The smallest limit in MiB, a multiple of 16, that holds ``load``."""
    enough = 16
    while not server_memory(enough, load):
        enough *= 2
    too_small = enough // 2
    while enough - too_small > 16:
        middle = (enough + too_small) // 32 * 16
        enough, too_small = (middle, too_small) if server_memory(middle, load) else (enough, middle)
    return enough


def _divided(limit: int, load: Load, workers: int) -> ServerMemory | None:
    processes = load.connections + load.autovacuum_workers + load.queries * workers
    buffers = floor(limit / _BUFFERS_SHARE / (_BUFFER_OVERHEAD + processes / _BUFFERS_PER_PAGE_TABLE))
    certain = (
        _SERVER
        + load.other_programs
        + limit / _BUFFERS_SHARE
        + processes * (_PROCESS_SHARED + _PROCESS_PRIVATE)
        + load.autovacuum_workers * _AUTOVACUUM_WORK
        + limit / _PAGE_CACHE_SHARE
    )
    rest = limit - certain
    maintenance = max(LEAST_MAINTENANCE, min(floor(rest / 2 if load.queries else rest), MOST_MAINTENANCE))
    operations = load.queries * OPERATIONS * (workers + 1) * (_SEGMENT_OVERHEAD if workers else 1)
    work = floor((rest - maintenance) / operations) if operations else LEAST_WORK
    if maintenance > rest or work < LEAST_WORK:
        return None
    return ServerMemory(
        shared_buffers=buffers,
        effective_cache_size=floor(buffers + rest + limit / _PAGE_CACHE_SHARE),
        maintenance_work_mem=maintenance,
        autovacuum_work_mem=_AUTOVACUUM_WORK,
        work_mem=work,
        workers=workers,
        shared_memory=floor(maintenance + operations * work + _SHARED_MEMORY_SPARE),
    )
