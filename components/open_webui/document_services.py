"""Settings of the services that documents pass through: extraction, embedding, reranking.

Read in the source of Open WebUI 0.12.4: `config.py`, `retrieval/loaders/main.py`, `routers/retrieval.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.names import HttpUrl

EXTRACTION_URLS = {
    "tika": "TIKA_SERVER_URL",
    "docling": "DOCLING_SERVER_URL",
    "external": "EXTERNAL_DOCUMENT_LOADER_URL",
}
"""Engines of extraction that the stack configures, each with the variable of its URL."""

DEFAULT_MODEL = "text-embedding-3-small"
"""Embedding model of an OpenAI endpoint."""

MODEL_DIMENSIONS = {
    # https://platform.openai.com/docs/guides/embeddings
    DEFAULT_MODEL: 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    # The `config.json` of each model: `hidden_size`.
    "sentence-transformers/all-MiniLM-L6-v2": 384,
    "all-minilm": 384,
    "nomic-embed-text": 768,
    "mxbai-embed-large": 1024,
    "BAAI/bge-m3": 1024,
    "bge-m3": 1024,
}
"""Dimensions of well-known embedding models."""

ModelName = Annotated[str, Field(min_length=1, max_length=200)]


def model_dimensions(model: str) -> int | None:
    """Dimensions of an embedding model; None for an unknown model. The tag of an Ollama model is ignored."""
    return MODEL_DIMENSIONS.get(model) or MODEL_DIMENSIONS.get(model.partition(":")[0])


class ExtractionSettings(Settings):
    """The service that extracts the text of documents."""

    engine: Literal["tika", "docling", "external", "none"] = Field(
        "tika",
        description="`tika`: the stack's own Apache Tika, or the Tika at `url`. `docling`, `external`: the service at "
        "`url`. `none`: the slim image then rejects PDF, Word and PowerPoint; other engines are set in "
        "`openWebui.env`.",
    )
    url: HttpUrl | None = Field(
        None,
        examples=["http://docling.documents.svc:5001"],
        description="URL of the service. Required for `docling` and `external`. Default for `tika`: the stack's own.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.engine in ("docling", "external") and not self.url:
            yield _missing(
                {"url": "http://docling.documents.svc:5001"}, "engine", self.engine, "the URL of the service"
            )
        if self.engine == "none" and self.url:
            yield _unused("url", "engine", self.engine, "tika, docling or external")

    @property
    def uses_own_tika(self) -> bool:
        """Whether the stack runs Tika."""
        return self.engine == "tika" and self.url is None

    def variables(self) -> dict[str, str]:
        """Variables without secrets. The URL of the stack's own Tika comes from its component."""
        engine = "" if self.engine == "none" else self.engine
        urls = {EXTRACTION_URLS[engine]: self.url} if engine and self.url else {}
        return {"CONTENT_EXTRACTION_ENGINE": engine, **urls}


class EmbeddingSettings(Settings):
    """The model that turns text into vectors."""

    engine: Literal["openai", "ollama", "azure_openai", "local"] | None = Field(
        None,
        description="Interface of the embedding service, or `local`: in the web pods, with `openWebui.variant: full`. "
        "Default: `openai`; `local` with the full image.",
    )
    url: HttpUrl | None = Field(
        None,
        description="URL of the service. Default: `openWebui.openaiApiBaseUrl` for `openai`; for `ollama` the only "
        "Ollama server of the settings (`ollama`, `openWebui.ollamaBaseUrl` or `openWebui.models.ollama`). Required "
        "with several of them, and for `azure_openai`.",
    )
    model: ModelName | None = Field(
        None,
        examples=["text-embedding-3-large"],
        description=f"Embedding model; the deployment for `azure_openai`. Default: `{DEFAULT_MODEL}` for `openai`, "
        "that of the image for `local`. Required for the others.",
    )
    api_version: str | None = Field(
        None,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$",
        examples=["2024-10-21"],
        description="Version of the Azure OpenAI API. Required for `azure_openai`.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.engine == "azure_openai":
            needed = {
                "url": (self.url, "https://example.openai.azure.com"),
                "model": (self.model, DEFAULT_MODEL),
                "apiVersion": (self.api_version, "2024-10-21"),
            }
            if missing := {key: example for key, (value, example) in needed.items() if not value}:
                allowed = "the endpoint of the Azure resource, the name of the deployment, and a version of the API"
                yield _missing(missing, "engine", self.engine, allowed)
        elif self.api_version:
            yield _unused("apiVersion", "engine", self.engine, "azure_openai")
        if self.engine == "ollama" and not self.model:
            yield _missing({"model": "nomic-embed-text"}, "engine", self.engine, "an embedding model of that Ollama")
        if self.engine == "local" and self.url:
            yield _unused("url", "engine", self.engine, "openai, ollama or azure_openai")

    def variables(self, engine: str, url: str | None) -> dict[str, str]:
        """Variables without secrets.

        Args:
            engine: the engine in effect.
            url: the URL in effect; None if there is no URL.
        """
        names = {
            "openai": "RAG_OPENAI_API_BASE_URL",
            "ollama": "RAG_OLLAMA_BASE_URL",
            "azure_openai": "RAG_AZURE_OPENAI_BASE_URL",
        }
        model = self.model_of(engine)
        return {
            "RAG_EMBEDDING_ENGINE": "" if engine == "local" else engine,
            **({"RAG_EMBEDDING_MODEL": model} if model else {}),
            **({names[engine]: url} if url else {}),
            **({"RAG_AZURE_OPENAI_API_VERSION": self.api_version} if self.api_version else {}),
        }

    def model_of(self, engine: str) -> str | None:
        """The model in effect with an engine; None: the model of the image."""
        return self.model or (DEFAULT_MODEL if engine == "openai" else None)


class RerankerSettings(Settings):
    """The model that orders the passages that a search found."""

    engine: Literal["none", "external", "local"] = Field(
        "none",
        description="`external`: the service at `url`. `local`: in the web pods, with `openWebui.variant: full`. Needs "
        "`hybridSearch`.",
    )
    url: HttpUrl | None = Field(
        None,
        examples=["https://api.jina.ai/v1/rerank"],
        description="URL of the service with its path. Required for `external`.",
    )
    model: ModelName | None = Field(
        None, examples=["jina-reranker-v2-base-multilingual"], description="Reranking model. Required with an engine."
    )
    top_k: int = Field(3, ge=1, le=100, description="Passages that remain after reranking.")

    def problems(self) -> Iterator[Problem]:
        needed = {
            "url": (self.url or self.engine != "external", "https://api.jina.ai/v1/rerank"),
            "model": (self.model or self.engine == "none", "jina-reranker-v2-base-multilingual"),
        }
        if missing := {key: example for key, (value, example) in needed.items() if not value}:
            yield _missing(missing, "engine", self.engine, "the URL of the service with its path, and a model of it")
        if self.engine != "external" and self.url:
            yield _unused("url", "engine", self.engine, "external")
        if self.engine == "none" and self.model:
            yield _unused("model", "engine", self.engine, "external or local")

    def variables(self) -> dict[str, str]:
        """Variables without secrets."""
        if self.engine == "none" or not self.model:
            # Set explicitly, because a database may contain the reranker of an earlier config.
            return {"RAG_RERANKING_ENGINE": "", "RAG_RERANKING_MODEL": ""} if "engine" in self.model_fields_set else {}
        return {
            "RAG_RERANKING_ENGINE": "" if self.engine == "local" else self.engine,
            "RAG_RERANKING_MODEL": self.model,
            "RAG_TOP_K_RERANKER": str(self.top_k),
            **({"RAG_EXTERNAL_RERANKER_URL": self.url} if self.url else {}),
        }


def _missing(missing: Mapping[str, str], reason: str, value: str, allowed: str) -> Problem:
    """The problem that the value of one key requires other keys, each with an example."""
    first, *_ = missing
    return Problem(
        keys=(*missing, reason),
        message=f"{reason} {value} needs {' and '.join(missing)}",
        allowed=allowed,
        fix=missing[first],
    )


def _unused(key: str, reason: str, value: str | None, others: str) -> Problem:
    shown = f"{reason} {value}" if value else f"the default {reason}"
    return Problem(
        keys=(key, reason),
        message=f"{key} conflicts with {shown}: it has no effect",
        allowed=f"remove {key}, or set {reason} to {others}",
        fix=Fix.REMOVE,
    )
