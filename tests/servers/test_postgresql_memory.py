"""PostgreSQL as rendered, within the bounds of its container: the application's indexes are built while people work.

The bounds are real: the limit is a control group's, /dev/shm has the rendered size. Everything happens at the same
time: connections that have used tables, queries that join millions of rows, the build of an index as Open WebUI makes
it.

``make test-servers ALL=1`` adds the long builds (100,000 chunks, every type of vector): hours on two cores.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.blocks.quantities import MEBIBYTE, quantity
from tests.support.servers.container_bounds import Bounds, bounded
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import postgresql_with_pgvector, wait_until
from tests.support.servers.slow_tier import ALL, slow

# One replica and what is beside it.
CONNECTIONS = 85
SETS = (
    "openWebui.autoscaling.minReplicas=1",
    "openWebui.autoscaling.maxReplicas=1",
    f"postgresql.maxConnections={CONNECTIONS}",
)
# The least limit that is accepted with so many connections, and one at which queries are parallel.
LEAST, PARALLEL = "736Mi", "1Gi"
# As Open WebUI 0.12.4 writes them (retrieval/vector/dbs/pgvector.py).
INDEXES = {
    "ivfflat": "CREATE INDEX idx ON {table} USING ivfflat (vector {type}_cosine_ops) WITH (lists = 100)",
    "hnsw": "CREATE INDEX idx ON {table} USING hnsw (vector {type}_cosine_ops) WITH (m = 16, ef_construction = 64)",
    "gin": "CREATE INDEX idx ON {table} USING gin (to_tsvector('simple', coalesce(text, '')))",
}
JOIN = """SELECT count(*), max(a.pad || b.pad || c.pad) FROM big a JOIN big b ON a.id = b.k JOIN big c ON b.id = c.k"""
CASES = (
    [
        (vector, count, index)
        for vector in ("vector(1536)", "vector(2000)", "halfvec(4000)")
        for count in (5000, 12_000, 100_000)
        for index in INDEXES
    ]
    if ALL
    else [("halfvec(4000)", 5000, "ivfflat")]
)
ROWS = 1_000_000
QUERIES = 4


@dataclass
class Busy:
    """Queries that run until they are stopped."""

    done: int = 0
    errors: tuple[str, ...] = ()


@contextmanager
def limited_database(directory: Path, limit: str) -> Iterator[Database]:
    """A server with the memory and the /dev/shm of its container, with tables in it and connections that used them."""
    sets = (*SETS, "postgresql.resources.limits.cpu=2", f"postgresql.resources.limits.memory={limit}")
    spec = rendered("prod", "StatefulSet", "postgres", sets)["spec"]["template"]["spec"]
    database = rendered_database(directory, postgresql_with_pgvector(), sets)
    database.copied()
    with bounded(memory_limit(spec), shared_memory(spec)) as database.bounds, database.serving(), ExitStack() as held:
        with connected(database) as connection:
            connection.execute(
                "CREATE TABLE big AS SELECT n AS id, (n * 7919::bigint % %s)::int + 1 AS k, md5(n::text) AS pad"
                " FROM generate_series(1, %s) AS n".replace("%s", str(ROWS)).encode()
            )
            connection.execute(b"ANALYZE big")
        for _ in range(CONNECTIONS - QUERIES - 10):
            held.enter_context(used(database))
        yield database


def memory_limit(spec: dict[str, Any]) -> int:
    [server] = spec["containers"]
    return int(quantity(server["resources"]["limits"]["memory"]))


def shared_memory(spec: dict[str, Any]) -> int:
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "shared-memory"]
    return int(quantity(volume["emptyDir"]["sizeLimit"]))


def connected(database: Database) -> "psycopg.Connection[tuple[Any, ...]]":
    connection = database.connect()
    connection.autocommit = True
    return connection


def used(database: Database) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection of a pool: it has read the catalogs and has kept what it prepared."""
    connection = connected(database)
    for view in ("tables", "columns", "table_constraints", "views"):
        connection.execute(f"SELECT count(*) FROM information_schema.{view}".encode(), prepare=True)
    return connection


def chunks(connection: "psycopg.Connection[tuple[Any, ...]]", table: str, count: int, vector: str) -> None:
    """A table of documents as Open WebUI makes it, with that many chunks."""
    dimensions = int(vector.partition("(")[2].rstrip(")"))
    connection.execute(
        f"CREATE TABLE {table} AS SELECT n::text AS id, 'file-' || n / 20 AS collection_name, md5(n::text) AS text,"
        f" (SELECT array_agg(random() - 0.5) FROM generate_series(1, {dimensions}) WHERE n > 0)::{vector} AS vector"
        f" FROM generate_series(1, {count}) AS n".encode()
    )


def build(connection: "psycopg.Connection[tuple[Any, ...]]", index: str, table: str, vector: str) -> None:
    connection.execute(INDEXES[index].format(table=table, type=vector.partition("(")[0]).encode())
    connection.execute(b"DROP INDEX idx")


@contextmanager
def joins(database: Database) -> Iterator[Busy]:
    """Joins of millions of rows in several sessions, over and over."""
    busy, stop = Busy(), threading.Event()

    def join() -> None:
        try:
            with connected(database) as connection:
                while not stop.is_set():
                    connection.execute(JOIN.encode())
                    busy.done += 1
        except psycopg.Error as error:
            busy.errors += (str(error),)

    sessions = [threading.Thread(target=join) for _ in range(QUERIES)]
    for session in sessions:
        session.start()
    try:
        yield busy
    finally:
        stop.set()
        for session in sessions:
            session.join()


def killed(database: Database) -> int:
    bounds = database.bounds
    assert isinstance(bounds, Bounds)
    return bounds.killed()


@pytest.mark.parametrize("most", [pytest.param(5000, marks=slow), 12_000])
def test_indexes_are_built_while_queries_join_millions_of_rows(directory: Path, most: int) -> None:
    with limited_database(directory, LEAST) as database, connected(database) as connection:
        chunks(connection, "first", 2000, "vector(1536)")
        # At 5000 Open WebUI builds its IVFFlat index; from 10,000 on pgvector takes the most samples.
        chunks(connection, "most", most, "vector(1536)")
        with joins(database) as busy:
            build(connection, "hnsw", "first", "vector(1536)")
            build(connection, "ivfflat", "most", "vector(1536)")
            wait_until(lambda: busy.done >= QUERIES or bool(busy.errors), "each session has joined", seconds=120)
        assert busy.errors == ()
        assert killed(database) == 0


def test_parallel_queries_and_a_parallel_build_fit_into_the_shared_memory(directory: Path) -> None:
    with limited_database(directory, PARALLEL) as database, connected(database) as connection:
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {JOIN}".encode()))
        assert "Parallel Hash" in plan
        chunks(connection, "first", 2000, "vector(1536)")
        # As with a table of the size that the planner takes workers for.
        connection.execute(b"ALTER TABLE first SET (parallel_workers = 1)")
        with joins(database) as busy:
            wait_until(lambda: busy.done >= 1 or bool(busy.errors), "a session has joined", seconds=120)
            build(connection, "hnsw", "first", "vector(1536)")
        assert busy.errors == ()
        assert killed(database) == 0


@pytest.mark.parametrize(("vector", "count", "index"), CASES)
def test_every_index_of_every_size_is_built_with_the_least_memory(
    directory: Path, vector: str, count: int, index: str
) -> None:
    with limited_database(directory, LEAST) as database, connected(database) as connection:
        chunks(connection, "chunks", count, vector)
        build(connection, index, "chunks", vector)
        assert killed(database) == 0


def test_the_bounds_hold(directory: Path) -> None:
    """Or the tests above could not fail."""
    with bounded(64 * MEBIBYTE, 2 * MEBIBYTE) as bounds:
        fill = "head -c 3M /dev/zero >/dev/shm/file"
        result = subprocess.run(bounds.command(["sh", "-c", fill]), capture_output=True, check=False, cwd=directory)
        assert b"No space left on device" in result.stderr
        assert bounds.killed() == 0
        allocate = bounds.command([sys.executable, "-c", "bytearray(128 << 20)"])
        assert subprocess.run(allocate, capture_output=True, check=False, cwd=directory).returncode == -9
        assert bounds.killed() == 1
