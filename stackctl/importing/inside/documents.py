"""Documents: the chunks in the source's Chroma, embedded again by the embedding model of the stack.

Chroma has text and metadata of every chunk in its SQLite file, but most vectors in files of hnswlib alone, and the slim
image cannot read those (docs/decisions/0038-import.md).
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from .application import module
from .pod_scripts import output
from .tables import Connection

BATCH = 64
"""Chunks whose vectors are in memory at the same time."""

_CHUNKS = """
SELECT embeddings.id, embedding_id, collections.name, key, string_value, int_value, float_value, bool_value
FROM embeddings JOIN segments ON segments.id = segment_id AND scope = 'METADATA'
JOIN collections ON collections.id = segments.collection
JOIN embedding_metadata ON embedding_metadata.id = embeddings.id
ORDER BY embeddings.id
"""
_TEXT = "chroma:document"
_MODEL = "embedding_config"
_PROVIDERS = {"openai": "rag.openai", "ollama": "rag.ollama", "azure_openai": "rag.azure_openai"}


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A part of a document."""

    id: str
    collection: str
    text: str
    metadata: Mapping[str, str | int | float | bool]


def read_chunks(file: Path) -> Iterator[Chunk]:
    """The chunks in Chroma's SQLite file."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
        present: int | None = None
        name = collection = ""
        values: dict[str, str | int | float | bool] = {}
        for row_id, next_name, next_collection, key, text, integer, number, boolean in connection.execute(_CHUNKS):
            if row_id != present:
                if present is not None:
                    yield _chunk(name, collection, values)
                present, name, collection, values = row_id, next_name, next_collection, {}
            values[key] = next(
                each
                for each in (text, integer, number, None if boolean is None else bool(boolean), "")
                if each is not None
            )
        if present is not None:
            yield _chunk(name, collection, values)


def _chunk(name: str, collection: str, values: dict[str, str | int | float | bool]) -> Chunk:
    metadata = {key: value for key, value in values.items() if key != _TEXT}
    return Chunk(id=name, collection=collection, text=str(values.get(_TEXT, "")), metadata=metadata)


class Embedder:
    """The embedding model that the stack's settings name."""

    def __init__(self, settings: Mapping[str, str | None]) -> None:
        """Args: settings of the panel as JSON, by key, after the import."""
        config = module("open_webui.config")
        self._settings = {**config.DEFAULT_CONFIG, **{k: json.loads(v) for k, v in settings.items() if v is not None}}
        self.engine = str(self._settings["rag.embedding_engine"] or "")
        self.model = str(self._settings["rag.embedding_model"])
        self._pgvector = module("open_webui.retrieval.vector.dbs.pgvector")
        self._process = module("open_webui.retrieval.vector.utils").process_metadata
        self._sanitize = module("open_webui.utils.misc").sanitize_text_for_db
        if self._pgvector.PGVECTOR_PGCRYPTO or config.PGVECTOR_DB_URL != config.DATABASE_URL:
            raise output.RefusedError("Documents are in another database or encrypted: import without documents.")

    def requested(self, chunk: Chunk) -> Chunk:
        """The chunk for the stack, with the name of the stack's embedding model."""
        metadata = dict(chunk.metadata)
        if _MODEL in metadata:
            metadata[_MODEL] = str({"engine": self.engine, "model": self.model})
        return Chunk(
            id=chunk.id,
            collection=chunk.collection,
            text=self._sanitize(chunk.text),
            metadata=self._process(metadata),
        )

    def embed(self, texts: list[str]) -> list[list[float]]:
        """The vectors of texts, as long as the column. Raises `RefusedError` if the service refuses."""
        try:
            vectors = asyncio.run(self._embed(texts))
        except Exception as error:
            reason = " ".join(str(getattr(error, "detail", error)).split()) or type(error).__name__
            raise output.RefusedError(f"Documents could not be embedded with {self.model}: {reason}") from error
        adjust = self._pgvector.PgvectorClient.adjust_vector_length
        return [adjust(None, list(vector)) for vector in vectors]

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        retrieval = module("open_webui.routers.retrieval")
        prefix = module("open_webui.config").RAG_EMBEDDING_CONTENT_PREFIX
        settings, provider = self._settings, _PROVIDERS.get(self.engine, "rag.openai")
        function = retrieval.get_embedding_function(
            self.engine,
            self.model,
            retrieval.get_ef(self.engine, self.model),
            settings.get(f"{provider}.{'api_base_url' if self.engine == 'openai' else 'base_url'}"),
            settings.get(f"{provider}.api_key"),
            settings["rag.embedding_batch_size"],
            settings.get("rag.azure_openai.api_version") if self.engine == "azure_openai" else None,
            settings["rag.enable_async_embedding"],
            settings["rag.embedding_concurrent_requests"],
        )
        vectors: Any = await function(texts, prefix=prefix)
        if vectors is None or len(vectors) != len(texts):
            raise ValueError("the service did not answer with a vector for each text")
        return list(vectors)


def stored_chunks(connection: Connection) -> dict[str, Chunk]:
    """The chunks that the stack has, by ID."""
    statement = b"SELECT id, collection_name, coalesce(text, ''), coalesce(vmetadata, '{}') FROM document_chunk"
    return {
        row[0]: Chunk(id=row[0], collection=row[1], text=row[2], metadata=row[3])
        for row in connection.execute(statement)
    }


def replace_chunks(connection: Connection, embedder: Embedder, requested: Iterable[Chunk]) -> int:
    """Update the table of vectors to the requested chunks, in the transaction of the connection. A chunk that the
    stack already has keeps its vector. Returns the number of chunks that were embedded.
    """
    stored, batch, number = stored_chunks(connection), list[Chunk](), 0
    for chunk in requested:
        if stored.pop(chunk.id, None) == chunk:
            continue
        batch.append(chunk)
        if len(batch) == BATCH:
            number += _insert(connection, embedder, batch)
            batch = []
    number += _insert(connection, embedder, batch)
    connection.execute(b"DELETE FROM document_chunk WHERE id = ANY (%s)", [[*stored]])
    return number


def _insert(connection: Connection, embedder: Embedder, chunks: list[Chunk]) -> int:
    if not chunks:
        return 0
    vectors = embedder.embed([chunk.text for chunk in chunks])
    statement = sql.SQL(
        "INSERT INTO document_chunk (id, vector, collection_name, text, vmetadata) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET vector = excluded.vector, collection_name = excluded.collection_name,"
        " text = excluded.text, vmetadata = excluded.vmetadata"
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                (chunk.id, json.dumps(vector), chunk.collection, chunk.text, json.dumps(dict(chunk.metadata)))
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )
    output.log(f"Embedded {len(chunks)} chunks of documents.")
    return len(chunks)
