"""The index of the documents in the real Open WebUI: HNSW in a new database, and an IVFFlat index is kept."""

from collections.abc import Iterator

import pytest

from components.open_webui.files.startup.vector_tables import INDEX
from tests.support.servers.open_webui import Servers, servers


@pytest.fixture(scope="module")
def around() -> Iterator[Servers]:
    with servers() as started:
        yield started


def one(around: Servers, statement: str) -> str:
    with around.database.connect(autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""


def method(around: Servers) -> str:
    return one(
        around, f"SELECT amname FROM pg_class JOIN pg_am ON pg_am.oid = relam WHERE pg_class.oid = '{INDEX}'::regclass"
    )


def test_a_new_database_has_hnsw_and_one_with_ivfflat_keeps_it(around: Servers) -> None:
    web = around.open_webui("dev")
    web.migrated()
    assert method(around) == "hnsw"
    # As a database of an earlier revision of the stack has it.
    one(around, f"DROP INDEX {INDEX}")
    one(around, f"CREATE INDEX {INDEX} ON document_chunk USING ivfflat (vector vector_cosine_ops) WITH (lists = 100)")

    assert web.preflight().returncode == 0
    assert "The index of the documents is ivfflat, and stays so" in web.migrated()
    with web.replicas(1) as [replica]:
        answer = replica.sign_in("admin@example.com", web.admin_password)
        # The first request that needs the documents makes the client, which compares index and setting.
        reset = replica.request("POST", "/api/v1/retrieval/reset/db", token=str(answer.body["token"]))
        assert reset.status == 200, reset.text
    assert method(around) == "ivfflat"

    one(around, f"DROP INDEX {INDEX}")
    web.migrated()
    assert method(around) == "hnsw"


def test_many_dimensions_are_stored_as_halfvec_and_cannot_be_changed(around: Servers) -> None:
    one(around, "DROP TABLE document_chunk")
    many = around.open_webui("dev", "openWebui.documents.dimensions=3072")
    many.migrated()
    column = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'vector'"
    assert one(around, f"{column} AND attrelid = 'document_chunk'::regclass") == "halfvec(3072)"
    assert method(around) == "hnsw"

    refused = around.open_webui("dev").preflight()

    assert refused.returncode == 1
    assert "stored as halfvec(3072); the settings ask for vector(1536)" in refused.stdout
    assert around.open_webui("dev").migrate().returncode == 1
