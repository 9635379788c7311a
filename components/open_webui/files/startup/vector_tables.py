"""Checks whether Open WebUI's client for pgvector starts on this database. Source: its module
``open_webui.retrieval.vector.dbs.pgvector`` in release 0.12.4."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from .database import Connection, one
from .output import log

TABLE = "document_chunk"
INDEX = "idx_document_chunk_vector"
METHODS = ("ivfflat", "hnsw")
TRAINING_ROWS = 50
"""Rows for each list that Open WebUI waits for before it builds an IVFFlat index."""

# pgvector's CHANGELOG: hnsw came with 0.5.0, halfvec with 0.7.0.
HNSW_SINCE = (0, 5, 0)
HALFVEC_SINCE = (0, 7, 0)
# Largest dimension of a vector that an index takes: https://github.com/pgvector/pgvector#hnsw
MOST_DIMENSIONS = {"vector": 2000, "halfvec": 4000}
_ITEM_SIZE = {"vector": 4, "halfvec": 2}
_FEWEST_SAMPLES = 10_000
# MaxHeapTuplesPerPage for pages of 8 KiB.
_MOST_TUPLES_PER_PAGE = 291
_SAMPLES_BY_PAGES_SINCE = (0, 8, 5)


@dataclass(frozen=True, kw_only=True)
class VectorSettings:
    """The requested settings, from the environment."""

    dimensions: int
    type: str
    """``vector`` or ``halfvec``."""

    method: str
    """Index method: ``hnsw`` or ``ivfflat``."""

    lists: int
    """Lists of an IVFFlat index."""

    encrypted: bool
    """Whether text and metadata are encrypted by pgcrypto."""

    creates_extension: bool
    """Whether Open WebUI creates the extensions itself."""

    required: bool = False
    """Whether to refuse a database without the extension. Otherwise the replicas start without documents."""

    @property
    def column(self) -> str:
        """Type of the column, as PostgreSQL writes it."""
        return f"{self.type}({self.dimensions})"


@dataclass(frozen=True, kw_only=True)
class VectorState:
    """The state of the database."""

    extension: str | None
    """Version of the installed extension; None without it."""

    available: bool
    """Whether the server has the files of the extension."""

    pgcrypto: bool
    """Whether the extension pgcrypto is installed."""

    hidden_in: str | None = None
    """Schema of the extension, if the search path does not contain it: the types of the extension are then not
    found."""

    table: bool
    column: str | None = None
    """Type of the column ``vector``: ``vector(1536)``; ``vector`` takes any dimension. None without the column."""

    encrypted: bool = False
    """Whether text and metadata are stored as bytes."""

    index_method: str | None = None
    rows: int = 0
    """Number of rows of the table, counted up to the threshold of the index."""

    pages: int = 0
    maintenance_work_mem: int = 0
    """`maintenance_work_mem` of a session of the application, in KiB."""


def vector_settings(environment: Mapping[str, str]) -> VectorSettings:
    """The settings, with Open WebUI's defaults."""

    def is_on(name: str, default: str) -> bool:
        return environment.get(name, default).lower() == "true"

    def number(name: str, default: int) -> int:
        text = environment.get(name, "")
        return int(text) if text.isdigit() else default

    half = is_on("PGVECTOR_USE_HALFVEC", "false")
    method = environment.get("PGVECTOR_INDEX_METHOD", "").strip().lower()
    return VectorSettings(
        dimensions=number("PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH", 1536),
        type="halfvec" if half else "vector",
        method=method if method in METHODS else "hnsw" if half else "ivfflat",
        lists=number("PGVECTOR_IVFFLAT_LISTS", 100),
        encrypted=is_on("PGVECTOR_PGCRYPTO", "false"),
        creates_extension=is_on("PGVECTOR_CREATE_EXTENSION", "true"),
        required=is_on("DATABASE_REQUIRES_VECTOR", "false"),
    )


def applies(environment: Mapping[str, str]) -> bool:
    """Whether documents are in pgvector, in the same database as all else."""
    return environment.get("VECTOR_DB") == "pgvector" and not environment.get("PGVECTOR_DB_URL")


def can_have_vector_tables(connection: Connection, environment: Mapping[str, str]) -> bool:
    """Whether pgvector is used, and exists, is created by Open WebUI, or is in a separate database."""
    if environment.get("VECTOR_DB") != "pgvector":
        return False
    if environment.get("PGVECTOR_DB_URL") or vector_settings(environment).creates_extension:
        return True
    return bool(one(connection, b"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')"))


def keep_index_method(connection: Connection, environment: MutableMapping[str, str]) -> None:
    """Set the index method to that of the index that the database has.

    Open WebUI does not start with an index of another method, does not rebuild it, and prepares each search for the
    configured method. So the setting applies only to databases without an index.
    """
    if not applies(environment):
        return
    method = _index_method(connection)
    if method in METHODS and method != vector_settings(environment).method:
        log(f"The index of the documents is {method}, and stays so. For another one: DROP INDEX {INDEX}")
        environment["PGVECTOR_INDEX_METHOD"] = method


def _index_method(connection: Connection) -> str | None:
    method: str | None = one(
        connection,
        b"SELECT amname FROM pg_class JOIN pg_am ON pg_am.oid = relam WHERE pg_class.oid = to_regclass(%s)",
        INDEX,
    )
    return method


def read_vector_state(connection: Connection, settings: VectorSettings) -> VectorState:
    """The state of the table in the schema that Open WebUI uses."""
    common: dict[str, Any] = {
        "extension": one(connection, b"SELECT extversion FROM pg_extension WHERE extname = 'vector'"),
        "available": one(connection, b"SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')"),
        "pgcrypto": one(connection, b"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgcrypto')"),
        "hidden_in": one(
            connection,
            b"SELECT extnamespace::regnamespace::text FROM pg_extension"
            b" WHERE extname = 'vector' AND to_regtype('vector') IS NULL AND current_schema() IS NOT NULL",
        ),
        "table": one(connection, b"SELECT to_regclass(%s) IS NOT NULL", TABLE),
    }
    if not common["table"]:
        return VectorState(**common)
    rows = connection.execute(
        b"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        b" WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (TABLE,),
    ).fetchall()
    columns: dict[str, str] = {row[0]: row[1] for row in rows}
    enough = max(TRAINING_ROWS * settings.lists, _FEWEST_SAMPLES)
    readable = one(connection, b"SELECT has_table_privilege(to_regclass(%s), 'SELECT')", TABLE)
    return VectorState(
        **common,
        column=columns.get("vector"),
        encrypted=columns.get("text") == "bytea",
        index_method=_index_method(connection),
        rows=one(connection, f"SELECT count(*) FROM (SELECT FROM {TABLE} LIMIT %s) AS counted".encode(), enough)
        if readable
        else 0,
        pages=one(connection, b"SELECT pg_relation_size(to_regclass(%s)) / 8192", TABLE),
        maintenance_work_mem=one(
            connection, b"SELECT setting::int FROM pg_settings WHERE name = 'maintenance_work_mem'"
        ),
    )


def vector_problems(settings: VectorSettings, state: VectorState) -> list[str]:
    """Why Open WebUI's client for pgvector would not start."""
    if settings.dimensions > MOST_DIMENSIONS[settings.type]:
        return [
            f"Vectors of type {settings.type} have {MOST_DIMENSIONS[settings.type]} dimensions at most where they are "
            f"indexed; {settings.dimensions} are set."
        ]
    if problems := _extension_problems(settings, state):
        return problems
    return _table_problems(settings, state) if state.table else []


def _extension_problems(settings: VectorSettings, state: VectorState) -> list[str]:
    create = "As a superuser, or as the administrator of the service: CREATE EXTENSION vector"
    if state.extension is None and not (settings.creates_extension and not state.available):
        # Open WebUI creates it, or there are no tables for documents: `migrate` says so.
        if not settings.required or settings.creates_extension:
            return []
        if state.available:
            return [f"The database has no extension vector, which the documents need. {create}"]
    if not state.available:
        return [
            "The server has no pgvector, which the documents need. Of the stack's own server, postgresql.image has to "
            f"be an image with it; elsewhere install it, and create the extension in the database. {create}"
        ]
    if state.hidden_in:
        return [
            f"The extension vector is in the schema {state.hidden_in}, where the search path of the role does not "
            f"lead. Add that schema to it: ALTER ROLE ... SET search_path = ..., {state.hidden_in}"
        ]
    version = _version(state.extension or "")
    needed = HALFVEC_SINCE if settings.type == "halfvec" else HNSW_SINCE if settings.method == "hnsw" else ()
    if version < needed:
        return [
            f"pgvector is {state.extension}; {settings.type} with {settings.method} needs "
            f"{'.'.join(map(str, needed))}. As a superuser, with a newer image: ALTER EXTENSION vector UPDATE"
        ]
    if settings.encrypted and not state.pgcrypto and not settings.creates_extension:
        return ["PGVECTOR_PGCRYPTO needs the extension pgcrypto. As a superuser: CREATE EXTENSION pgcrypto"]
    return []


def _table_problems(settings: VectorSettings, state: VectorState) -> list[str]:
    problems = []
    if state.column is None:
        problems.append(f"The table {TABLE} has no column vector: it is not Open WebUI's. Rename it.")
    elif state.column not in (settings.column, settings.type):
        problems.append(
            f"The documents of this database are stored as {state.column}; the settings ask for {settings.column}. The "
            "size and type of stored vectors cannot be changed: set openWebui.documents.dimensions back, or remove the "
            f"vectors of all documents (DROP TABLE {TABLE}) and upload the documents again."
        )
    if state.column is not None and state.encrypted != settings.encrypted:
        stored = "encrypted" if state.encrypted else "not encrypted"
        problems.append(
            f"The documents of this database are {stored}, and PGVECTOR_PGCRYPTO is {str(settings.encrypted).lower()}. "
            "Set it back: Open WebUI does not convert them."
        )
    if state.index_method and state.index_method != settings.method:
        problems.append(
            f"The index {INDEX} is {state.index_method}, which Open WebUI does not start with. For the next start to "
            f"build {settings.method}: DROP INDEX {INDEX}"
        )
    if not problems and state.index_method is None and settings.method == "ivfflat":
        problems += _ivfflat_problems(settings, state)
    return problems


def _ivfflat_problems(settings: VectorSettings, state: VectorState) -> list[str]:
    if state.rows < TRAINING_ROWS * settings.lists:
        return []
    needed = ivfflat_memory(settings, state)
    if needed <= state.maintenance_work_mem * 1024:
        return []
    return [
        f"Open WebUI would build an IVFFlat index of {settings.lists} lists now, which needs a maintenance_work_mem of "
        f"{needed // 1024**2 + 1} MB; the server has {state.maintenance_work_mem // 1024} MB. Raise "
        "postgresql.resources.limits.memory, or use an HNSW index."
    ]


def ivfflat_memory(settings: VectorSettings, state: VectorState) -> int:
    """Bytes of maintenance_work_mem that pgvector demands for an IVFFlat index.

    Source: ``ComputeCenters`` in src/ivfbuild.c and ``ElkanKmeans`` in src/ivfkmeans.c of pgvector 0.8.5.
    """
    lists, dimensions = settings.lists, settings.dimensions

    def array(length: int) -> int:
        return 32 + length * _aligned(8 + _ITEM_SIZE[settings.type] * dimensions)

    sampled = max(TRAINING_ROWS * lists, _FEWEST_SAMPLES)
    if _version(state.extension or "") >= _SAMPLES_BY_PAGES_SINCE:
        sampled = max(1, min(sampled, state.pages * _MOST_TUPLES_PER_PAGE))
    rows = min(sampled, state.rows)
    centers = 2 * array(lists) + 4 * lists * dimensions
    distances = 4 * rows * lists + 4 * lists * lists
    return array(sampled) + centers + distances + 4 * (2 * rows + 3 * lists)


def _aligned(size: int) -> int:
    return -(-size // 8) * 8


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
