"""What `preflight` and `migrate` refuse, on a real PostgreSQL with pgvector; neither changes anything then."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.open_webui.files.startup import vector_tables
from components.open_webui.files.startup.record import RECORD
from components.open_webui.files.startup.vector_tables import (
    VectorSettings,
    VectorState,
    ivfflat_memory,
    read_vector_state,
    vector_problems,
)
from components.postgresql.names import DATABASE
from components.postgresql.names import USER as ROLE
from tests.support.servers.fake_open_webui import PASSWORD, FakeOpenWebUI
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.server_process import postgresql_with_pgvector

CONNECTIONS = 12
"""Of the server: few, so that a test can take them all."""


@pytest.fixture
def fake(directory: Path, tmp_path: Path) -> Iterator[FakeOpenWebUI]:
    """The fake Open WebUI with a database that has pgvector, and nothing else in it."""
    database = rendered_database(directory, postgresql_with_pgvector())
    configuration = directory / "conf" / "postgresql.conf"
    text, number = re.subn(r"(?m)^max_connections = \d+", f"max_connections = {CONNECTIONS}", configuration.read_text())
    assert number == 1
    configuration.write_text(text)
    database.write_password(PASSWORD.encode())
    fake = FakeOpenWebUI(tmp_path / "app", database)
    database.copied()
    with database.serving():
        yield fake
    for process in fake.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def as_superuser(database: Database, *statements: str) -> None:
    """Run statements as the superuser, in the application's database."""
    socket = str(database.directory / "run")
    with closing(database.connect(host=socket, user="postgres", autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def as_application(fake: FakeOpenWebUI, *statements: str) -> None:
    with closing(fake.database.connect(password=PASSWORD, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def contents(fake: FakeOpenWebUI) -> list[Any]:
    """What the scripts could have changed: relations, their owners, the revisions, the extensions."""
    relations = fake.query(
        "SELECT relname, relkind, relowner::int FROM pg_class WHERE relnamespace = to_regnamespace('public') ORDER BY 1"
    )
    revisions = (
        fake.query("SELECT xmin::text, version_num FROM alembic_version") if "alembic_version" in fake.tables() else []
    )
    return [relations, revisions, fake.query("SELECT extname, extversion FROM pg_extension ORDER BY 1")]


def refused(fake: FakeOpenWebUI, *reasons: str, **environment: str) -> None:
    """Both scripts refuse for exactly these reasons, and nothing changes in the database."""
    before = contents(fake)
    for script in ("preflight", "migrate"):
        status, output = fake.run(script, **environment)
        assert status == 1, output
        lines = [line for line in output.splitlines() if line.startswith(f"{script}: ")]
        assert len(lines) == len(reasons), output
        for line, reason in zip(lines, reasons, strict=True):
            assert reason in line
        assert fake.starts() == 0
        assert contents(fake) == before


def let_through(fake: FakeOpenWebUI, **environment: str) -> str:
    """The preflight has nothing against it, and changes nothing."""
    before = contents(fake)
    status, output = fake.run("preflight", **environment)
    assert status == 0, output
    assert contents(fake) == before
    return output


REVISIONS = "CREATE TABLE alembic_version (version_num text PRIMARY KEY)"


def test_an_empty_database_and_one_of_an_older_version_are_let_through(fake: FakeOpenWebUI) -> None:
    assert let_through(fake) == "preflight: Open WebUI 1.0.0 can start on this database.\n"
    as_application(fake, REVISIONS, "INSERT INTO alembic_version VALUES ('aaaa')")
    let_through(fake)
    assert fake.run()[0] == 0
    assert RECORD in fake.tables()
    let_through(fake)


def test_revisions(fake: FakeOpenWebUI) -> None:
    as_application(fake, REVISIONS, "INSERT INTO alembic_version VALUES ('cccc')")
    refused(fake, "is at revision cccc, which Open WebUI 1.0.0 does not know")
    as_application(
        fake, "UPDATE alembic_version SET version_num = 'aaaa'", "INSERT INTO alembic_version VALUES ('bbbb')"
    )
    refused(fake, "is at 2 revisions at the same time (aaaa, bbbb)")


def test_several_alembic_heads(fake: FakeOpenWebUI) -> None:
    versions = fake.directory / "backend" / "open_webui" / "migrations" / "versions"
    (versions / "dddd_branch.py").write_text("revision = 'dddd'\ndown_revision = 'aaaa'")
    refused(fake, "has 2 Alembic heads (bbbb, dddd)")


def test_encoding(fake: FakeOpenWebUI) -> None:
    socket = str(fake.database.directory / "run")
    with closing(fake.database.connect(host=socket, user="postgres", dbname="postgres", autocommit=True)) as superuser:
        superuser.execute(f"DROP DATABASE {DATABASE}".encode())
        settings = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        superuser.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE} {settings}".encode())
    for script in ("preflight", "migrate"):
        status, output = fake.run(script)
        assert status == 1
        assert "The encoding of the database is SQL_ASCII; Open WebUI needs UTF8" in output
        assert fake.starts() == 0


def test_a_role_whose_transactions_are_read_only(fake: FakeOpenWebUI) -> None:
    as_superuser(fake.database, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    refused(fake, "The server accepts no writes")


def test_rights(fake: FakeOpenWebUI) -> None:
    as_application(fake, REVISIONS, "INSERT INTO alembic_version VALUES ('aaaa')")
    as_superuser(
        fake.database, "ALTER TABLE alembic_version OWNER TO postgres", f"GRANT SELECT ON alembic_version TO {ROLE}"
    )
    refused(fake, "The table alembic_version belongs to another role")
    as_superuser(
        fake.database,
        "DROP TABLE alembic_version",
        f"ALTER DATABASE {DATABASE} OWNER TO postgres",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE}",
    )
    refused(fake, "must not create tables in the schema public")
    as_superuser(
        fake.database, f"ALTER DATABASE {DATABASE} OWNER TO {ROLE}", f"ALTER ROLE {ROLE} SET search_path = gone"
    )
    refused(fake, "No schema of the search path (gone) exists")


def test_connections(fake: FakeOpenWebUI) -> None:
    with ExitStack() as others:
        for _ in range(CONNECTIONS - 3 - 5):
            others.enter_context(closing(fake.database.connect(password=PASSWORD)))
        # 9 for this role, 4 taken, 1 for the script itself.
        refused(fake, "The server has 4 free connections; the start of Open WebUI needs 5")
    let_through(fake)


def test_every_reason_is_named_at_once(fake: FakeOpenWebUI) -> None:
    as_application(
        fake, REVISIONS, "INSERT INTO alembic_version VALUES ('cccc')", "CREATE TABLE document_chunk (vector vector(3))"
    )
    as_superuser(fake.database, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    refused(fake, "revision cccc", "accepts no writes", "are stored as vector(3); the settings ask for vector(1536)")


def chunks(column: str = "vector(1536)", text: str = "text") -> str:
    return f"CREATE TABLE document_chunk (id text PRIMARY KEY, vector {column}, collection_name text, text {text})"


TYPES = [
    (
        "vector(1536)",
        {"PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": "768"},
        "vector(1536); the settings ask for vector(768)",
    ),
    ("vector(1536)", {"PGVECTOR_USE_HALFVEC": "true"}, "vector(1536); the settings ask for halfvec(1536)"),
    ("halfvec(3072)", {}, "halfvec(3072); the settings ask for vector(1536)"),
    ("vector(1536)", {"PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": "3072"}, "have 2000 dimensions at most"),
    ("integer", {}, "stored as integer"),
]


def test_the_type_and_the_size_of_stored_vectors(fake: FakeOpenWebUI) -> None:
    for column, environment, reason in TYPES:
        as_application(fake, "DROP TABLE IF EXISTS document_chunk", chunks(column))
        refused(fake, reason, **environment)
    for column, environment in (
        ("vector(1536)", {}),
        ("vector", {}),
        ("halfvec(1536)", {"PGVECTOR_USE_HALFVEC": "true"}),
    ):
        as_application(fake, "DROP TABLE document_chunk", chunks(column))
        let_through(fake, **environment)
    as_application(fake, "DROP TABLE document_chunk", "CREATE TABLE document_chunk (id text)")
    refused(fake, "has no column vector")
    # Elsewhere than in this database, or not with pgvector at all.
    let_through(fake, VECTOR_DB="chroma")


def test_encryption(fake: FakeOpenWebUI) -> None:
    as_application(fake, chunks())
    as_application(fake, "DROP TABLE document_chunk", chunks(text="bytea"))
    refused(fake, "are encrypted, and PGVECTOR_PGCRYPTO is false")
    refused(fake, "needs the extension pgcrypto", PGVECTOR_PGCRYPTO="true")


def test_encryption_with_the_extension() -> None:
    """The server of these tests has no pgcrypto."""
    settings = vector_tables.vector_settings({"PGVECTOR_PGCRYPTO": "true", "PGVECTOR_CREATE_EXTENSION": "false"})
    state = VectorState(extension="0.8.5", available=True, pgcrypto=True, table=True, column="vector(1536)")
    assert vector_problems(settings, replace(state, encrypted=True)) == []
    [problem] = vector_problems(settings, state)
    assert "are not encrypted, and PGVECTOR_PGCRYPTO is true" in problem


def test_an_existing_index_keeps_its_method(fake: FakeOpenWebUI) -> None:
    index = "CREATE INDEX idx_document_chunk_vector ON document_chunk USING"
    as_application(fake, chunks(), f"{index} ivfflat (vector vector_cosine_ops)")
    assert "is ivfflat, and stays so" in let_through(fake, PGVECTOR_INDEX_METHOD="hnsw")
    as_application(fake, "DROP INDEX idx_document_chunk_vector", f"{index} hnsw (vector vector_cosine_ops)")
    assert "is hnsw, and stays so" in let_through(fake, PGVECTOR_INDEX_METHOD="ivfflat")
    assert "stays so" not in let_through(fake, PGVECTOR_INDEX_METHOD="hnsw")


def test_a_start_that_has_nothing_to_do_is_not_refused(fake: FakeOpenWebUI) -> None:
    """A replica that starts again must not stay away for something that it has run with."""
    assert fake.run()[0] == 0
    as_superuser(fake.database, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    assert "Nothing to do" in fake.run()[1]


SMALL = VectorSettings(
    dimensions=64, type="vector", method="ivfflat", lists=20, encrypted=False, creates_extension=False
)
FILL = (
    "INSERT INTO document_chunk (id, vector) SELECT n,"
    " (SELECT array_agg(random()) FROM generate_series(1, 64) WHERE n > 0) FROM generate_series(1, {}) n"
)


@pytest.mark.parametrize(("rows", "kind"), [(1000, "vector"), (12_000, "vector"), (12_000, "halfvec")])
def test_the_memory_of_an_ivfflat_index_is_what_pgvector_demands(fake: FakeOpenWebUI, rows: int, kind: str) -> None:
    settings = replace(SMALL, type=kind)
    as_application(fake, chunks(f"{kind}(64)"), FILL.format(rows))
    with closing(fake.database.connect(password=PASSWORD, autocommit=True)) as connection:

        def with_memory(kibibytes: int) -> tuple[VectorState, bool]:
            """The state with that maintenance_work_mem, and whether pgvector builds the index."""
            connection.execute(f"SET maintenance_work_mem = {kibibytes}".encode())
            state = read_vector_state(connection, settings)
            try:
                connection.execute(
                    f"CREATE INDEX idx_document_chunk_vector ON document_chunk USING ivfflat (vector {kind}_cosine_ops)"
                    f" WITH (lists = {settings.lists})".encode()
                )
            except psycopg.errors.ProgramLimitExceeded:
                return state, False
            connection.execute(b"DROP INDEX idx_document_chunk_vector")
            return state, True

        needed = -(-ivfflat_memory(settings, read_vector_state(connection, settings)) // 1024)
        for memory, enough in ((needed, True), (needed - 1, False)):
            state, built = with_memory(memory)
            assert built is enough
            assert (vector_problems(settings, state) == []) is enough


def test_an_ivfflat_index_that_cannot_be_built_is_refused(fake: FakeOpenWebUI) -> None:
    small = {"PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": "64", "PGVECTOR_IVFFLAT_LISTS": "20"}
    as_application(fake, chunks("vector(64)"), FILL.format(999))
    as_superuser(fake.database, f"ALTER ROLE {ROLE} SET maintenance_work_mem = '2MB'")
    let_through(fake, **small)
    as_application(fake, "INSERT INTO document_chunk (id, vector) SELECT 'x', vector FROM document_chunk LIMIT 1")
    refused(fake, "needs a maintenance_work_mem of 3 MB; the server has 2 MB", **small)
    let_through(fake, PGVECTOR_INDEX_METHOD="hnsw", **small)


def test_the_defaults_are_those_of_open_webui() -> None:
    """Issue 16: 65 MB for 12,000 chunks at the default of 64 MB; 5,000 fit."""
    defaults = vector_tables.vector_settings({"VECTOR_DB": "pgvector"})
    state = VectorState(
        extension="0.8.1",
        available=True,
        pgcrypto=False,
        table=True,
        column="vector(1536)",
        maintenance_work_mem=65_536,
    )
    assert vector_problems(defaults, replace(state, rows=5000)) == []
    [problem] = vector_problems(defaults, replace(state, rows=12_000))
    assert "100 lists now, which needs a maintenance_work_mem of 65 MB; the server has 64 MB" in problem


@pytest.mark.parametrize(
    ("version", "settings", "fits"),
    [
        ("0.6.2", {"PGVECTOR_USE_HALFVEC": "true"}, False),
        ("0.7.0", {"PGVECTOR_USE_HALFVEC": "true"}, True),
        ("0.4.4", {"PGVECTOR_INDEX_METHOD": "hnsw"}, False),
        ("0.5.0", {"PGVECTOR_INDEX_METHOD": "hnsw"}, True),
        ("0.4.4", {}, True),
    ],
)
def test_the_version_of_pgvector(version: str, settings: dict[str, str], fits: bool) -> None:
    state = VectorState(extension=version, available=True, pgcrypto=False, table=False)
    problems = vector_problems(vector_tables.vector_settings(settings), state)
    assert (problems == []) is fits, problems


def test_a_server_that_has_lost_pgvector() -> None:
    state = VectorState(extension="0.8.1", available=False, pgcrypto=False, table=True, column="vector(1536)")
    assert "The server has no pgvector" in vector_problems(vector_tables.vector_settings({}), state)[0]


def test_the_preflight_waits_for_the_database_no_longer_than_it_is_told(fake: FakeOpenWebUI) -> None:
    url = fake.url.replace(f":{fake.database.port}/", ":1/")
    status, output = fake.run("preflight", DATABASE_URL=url, PREFLIGHT_WAIT_SECONDS="1")
    assert status == 1
    assert "could not be reached within 1 s" in output
    assert PASSWORD not in output
