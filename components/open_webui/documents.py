"""Documents: their extraction, embedding and search; the size and type of the stored vectors, and their index."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from .document_services import (
    EXTRACTION_URLS,
    EmbeddingSettings,
    ExtractionSettings,
    RerankerSettings,
    model_dimensions,
)
from .embedding_server import key_of_server, only_server
from .feature_settings import OWN_OLLAMA, FeatureSettings, SecretKey

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

MOST_FULL_PRECISION = 2000
"""Dimensions of a ``vector`` that an index takes, half of those of a ``halfvec``: https://github.com/pgvector/pgvector"""

MOST_DIMENSIONS = 2 * MOST_FULL_PRECISION

INDEX_METHOD = "hnsw"
"""Index of a new database. HNSW works with any number of documents and any amount of memory. IVFFlat waits for 5,000
chunks and then needs memory for all its samples. A database with an IVFFlat index keeps it."""


_CHUNKS = ("CHUNK_SIZE", "CHUNK_OVERLAP")


def _secret(variable: str, setting: str, description: str, *, required: bool = False) -> SecretKey:
    return SecretKey(
        name=variable, variable=variable, key=variable, setting=setting, description=description, required=required
    )


class DocumentSettings(FeatureSettings):
    """Documents. The vectors cannot be changed once there are documents."""

    SECRETS: ClassVar = (
        _secret("DOCLING_API_KEY", "extraction.engine", "Key of Docling at `openWebui.documents.extraction.url`."),
        _secret(
            "EXTERNAL_DOCUMENT_LOADER_API_KEY",
            "extraction.engine",
            "Key of the extraction service at `openWebui.documents.extraction.url`. Required with the engine "
            "`external`.",
            required=True,
        ),
        _secret(
            "RAG_OPENAI_API_KEY",
            "embedding.url",
            "Key of the embedding service. Required with `openWebui.documents.embedding.url`; any text for a "
            "service without keys.",
            required=True,
        ),
        _secret(
            "RAG_AZURE_OPENAI_API_KEY",
            "embedding.engine",
            "Key of the embedding deployment. Required with the engine `azure_openai`.",
            required=True,
        ),
        _secret("RAG_OLLAMA_API_KEY", "embedding.engine", "Key of the Ollama that embeds documents."),
        _secret("RAG_EXTERNAL_RERANKER_API_KEY", "reranker.engine", "Key of the reranking service."),
    )

    extraction: ExtractionSettings = Field(
        ExtractionSettings(), description="The service that extracts the text of documents."
    )
    embedding: EmbeddingSettings = Field(EmbeddingSettings(), description="The model that turns text into vectors.")
    hybrid_search: bool = Field(False, description="Search by words in addition to vectors.")
    reranker: RerankerSettings = Field(
        RerankerSettings(), description="The model that orders the passages that a search found."
    )
    top_k: int = Field(3, ge=1, le=100, description="Number of passages that the model gets with a question.")
    chunk_size: int = Field(1000, ge=50, le=100_000, description="Longest passage, in characters.")
    chunk_overlap: int = Field(100, ge=0, le=100_000, description="Characters that a passage shares with the next one.")
    dimensions: int = Field(
        1536,
        ge=1,
        le=MOST_DIMENSIONS,
        description="Dimensions of the embedding model. Open WebUI truncates longer vectors and pads shorter ones. "
        "Cannot change once the database contains documents.",
    )
    half_precision: bool | None = Field(
        None,
        examples=["true"],
        description="Store vectors as `halfvec`, with half the size. Default: `true` with more than 2000 "
        "dimensions, because only `halfvec` has an index there. Cannot change, like the dimensions.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.half_precision is False and self.dimensions > MOST_FULL_PRECISION:
            yield Problem(
                keys=("halfPrecision", "dimensions"),
                message=f"halfPrecision false with dimensions {self.dimensions}: a vector of more than "
                f"{MOST_FULL_PRECISION} dimensions has no index",
                allowed=f"true, or dimensions of at most {MOST_FULL_PRECISION}",
                fix="true",
            )
        if self.chunk_overlap >= self.chunk_size:
            yield Problem(
                keys=("chunkOverlap", "chunkSize"),
                message=f"chunkOverlap {self.chunk_overlap} is not below chunkSize {self.chunk_size}: a passage would "
                "contain nothing new",
                allowed=f"at most {self.chunk_size - 1}; a tenth of chunkSize is usual",
                fix=str(self.chunk_size // 10),
            )
        if self.reranker.engine != "none" and not self.hybrid_search:
            yield Problem(
                keys=("hybridSearch", "reranker.engine"),
                message=f"reranker.engine {self.reranker.engine} has no effect with hybridSearch false",
                allowed="true, or remove reranker",
                fix="true",
            )

    def conflicts(self, web: "OpenWebUISettings") -> Iterator[Problem]:
        engines = (("embedding", self.embedding.engine), ("reranker", self.reranker.engine))
        for service, engine in engines:
            if engine == "local" and web.variant == "slim":
                yield Problem(
                    keys=(f"documents.{service}.engine", "variant"),
                    message=f"documents.{service}.engine local needs variant full: the slim image runs no models",
                    allowed="another engine, or variant full",
                    fix=Fix.REMOVE,
                )
        model = self.embedding.model_of(self.embedding_engine(web))
        size = model_dimensions(model) if model and (self.embedding.model or self.embedding_url(web)) else None
        if size and size > self.dimensions:
            yield Problem(
                keys=("documents.dimensions", "documents.embedding.model"),
                message=f"documents.dimensions {self.dimensions} is less than the {size} of {model}: its "
                "embeddings would be cut, and searches would find less",
                allowed=f"at least {size}, or another documents.embedding.model",
                fix=str(size),
            )

    def warnings(self, web: "OpenWebUISettings") -> Iterator[str]:
        bypassed = web.env.get("BYPASS_EMBEDDING_AND_RETRIEVAL", "").lower() == "true"
        if self.embedding_engine(web) == "openai" and not bypassed and not self.embedding_url(web):
            yield (
                "documents cannot be embedded: there is no embedding service. Uploads of documents fail until "
                "openWebui.documents.embedding.url is set, or openWebui.openaiApiBaseUrl with a service that serves "
                f"{self.embedding.model_of('openai')}."
            )

    def embedding_engine(self, web: "OpenWebUISettings") -> str:
        """The embedding engine in effect."""
        return self.embedding.engine or ("local" if web.variant == "full" else "openai")

    def embedding_url(self, web: "OpenWebUISettings", own_ollama: str | None = None) -> str | None:
        """URL of the embedding service in effect; None without a service.

        Args:
            web: the settings of the component.
            own_ollama: URL of the stack's own Ollama; None without it.
        """
        engine = self.embedding_engine(web)
        services = {"openai": web.openai_api_base_url, "ollama": only_server(web, own_ollama)}
        return self.embedding.url or services.get(engine)

    @property
    def is_half_precision(self) -> bool:
        """Whether vectors are stored as ``halfvec``."""
        return self.dimensions > MOST_FULL_PRECISION if self.half_precision is None else self.half_precision

    @property
    def vector_type(self) -> str:
        """Type of the column in the database: ``vector(1536)``."""
        return f"{'halfvec' if self.is_half_precision else 'vector'}({self.dimensions})"

    def variables(self, web: "OpenWebUISettings", services: Mapping[str, str]) -> dict[str, str]:
        embedding_url = self.embedding_url(web, services.get(OWN_OLLAMA))
        return {
            **self.extraction.variables(),
            **self.embedding.variables(self.embedding_engine(web), embedding_url),
            **self.reranker.variables(),
            "ENABLE_RAG_HYBRID_SEARCH": str(self.hybrid_search).lower(),
            "RAG_TOP_K": str(self.top_k),
            "CHUNK_SIZE": str(self.chunk_size),
            "CHUNK_OVERLAP": str(self.chunk_overlap),
            "PGVECTOR_INDEX_METHOD": INDEX_METHOD,
            "PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": str(self.dimensions),
            "PGVECTOR_USE_HALFVEC": str(self.is_half_precision).lower(),
        }

    def stored_variables(self, web: "OpenWebUISettings", services: Mapping[str, str]) -> Iterable[str]:
        """Writes keys together that belong together: the URL and the key of an engine with the engine."""
        url = self.embedding_url(web, services.get(OWN_OLLAMA))
        engine = self.extraction.engine
        groups: Mapping[str, Iterable[str]] = {
            "extraction": [*self.extraction.variables(), *filter(None, [EXTRACTION_URLS.get(engine)])],
            "embedding": ["RAG_EMBEDDING_MODEL", *self.embedding.variables(self.embedding_engine(web), url)],
            "reranker": self.reranker.variables(),
            "hybrid_search": ["ENABLE_RAG_HYBRID_SEARCH"],
            "top_k": ["RAG_TOP_K"],
            "chunk_size": _CHUNKS,
            "chunk_overlap": _CHUNKS,
        }
        named = {name for field, group in groups.items() if self._is_set(field) for name in group}
        keys = (each for each in self.SECRETS if self._is_set(each.setting.partition(".")[0]))
        return named | {each.variable for each in keys if self.uses(each) or each.name in self.shared_secrets(web)}

    def _is_set(self, field: str) -> bool:
        """Whether the config sets a key, or one below it."""
        value = getattr(self, field)
        return field in self.model_fields_set and (not isinstance(value, Settings) or bool(value.model_fields_set))

    def urls(self) -> dict[str, str]:
        services = {
            "extraction.url": self.extraction.url,
            "embedding.url": self.embedding.url,
            "reranker.url": self.reranker.url,
        }
        return {key: url for key, url in services.items() if url}

    def shared_secrets(self, web: "OpenWebUISettings") -> dict[str, str]:
        engine, url = self.embedding_engine(web), self.embedding_url(web)
        if engine == "ollama" and url and (key := key_of_server(web, url)):
            return {"RAG_OLLAMA_API_KEY": key}
        # Open WebUI itself uses the key of api.openai.com alone (`config.py`).
        shared = engine == "openai" and self.embedding.url is None
        return {"RAG_OPENAI_API_KEY": "openaiApiKey"} if shared else {}

    def uses(self, secret: SecretKey) -> bool:
        own_url = self.embedding.url is not None
        return {
            "DOCLING_API_KEY": self.extraction.engine == "docling",
            "EXTERNAL_DOCUMENT_LOADER_API_KEY": self.extraction.engine == "external",
            "RAG_OPENAI_API_KEY": self.embedding.engine == "openai" or (own_url and self.embedding.engine is None),
            "RAG_AZURE_OPENAI_API_KEY": self.embedding.engine == "azure_openai",
            "RAG_OLLAMA_API_KEY": self.embedding.engine == "ollama",
            "RAG_EXTERNAL_RERANKER_API_KEY": self.reranker.engine == "external",
        }[secret.name]

    def requires(self, secret: SecretKey) -> bool:
        # Otherwise that service would get the key of api.openai.com, if the settings contain one.
        return secret.required and (secret.name != "RAG_OPENAI_API_KEY" or self.embedding.url is not None)
