"""A gibibyte in the database as a used Open WebUI has it: long chats, and documents with an index of their vectors."""

from stackctl.deployed.stack import Stack
from tests.support.e2e.node import sql

_CHATS, _CHUNKS = 200_000, 20_000
_FILL_SECONDS = 600
# Text that is not the same in two rows, and that compresses about as prose does.
_TEXT = (
    "(SELECT string_agg(encode(sha512((n * 1000 + part)::text::bytea), 'hex') || ' and then what they said ', '') "
    "FROM generate_series"
)
_FILL = f"""
CREATE TABLE e2e_chats (id bigint PRIMARY KEY, user_id text, updated_at bigint, chat json);
INSERT INTO e2e_chats SELECT n, md5((n % 500)::text), n,
    json_build_object('title', 'Chat ' || n, 'text', {_TEXT}(1, 32) AS part)) FROM generate_series(1, {_CHATS}) AS n;
CREATE INDEX ON e2e_chats (user_id, updated_at);
CREATE TABLE e2e_chunks (id text PRIMARY KEY, text text, vector halfvec(768));
INSERT INTO e2e_chunks SELECT n::text, {_TEXT}(1, 6) AS part),
    (SELECT array_agg(sin(n * part::float8 + 1)::real) FROM generate_series(1, 768) AS part)::vector(768)::halfvec
    FROM generate_series(1, {_CHUNKS}) AS n;
CREATE INDEX ON e2e_chunks USING hnsw (vector halfvec_cosine_ops);
"""


def fill(stack: Stack) -> int:
    """Fill the database; MiB that it has then."""
    sql(stack, _FILL, seconds=_FILL_SECONDS)
    return int(sql(stack, "SELECT pg_database_size(current_database()) / 1048576"))


def checksum(stack: Stack) -> str:
    """Number of rows and a checksum of their contents, whatever their order."""
    return sql(
        stack,
        """SELECT count(*), sum(hashtextextended(row::text, 0)) FROM (SELECT e2e_chats::text FROM e2e_chats
        UNION ALL SELECT e2e_chunks::text FROM e2e_chunks) AS row""",
        seconds=_FILL_SECONDS,
    )


def nearest(stack: Stack) -> str:
    """The row that an index finds for the vector of row 42."""
    return sql(
        stack, "SELECT id FROM e2e_chunks ORDER BY vector <=> (SELECT vector FROM e2e_chunks WHERE id = '42') LIMIT 1"
    )
