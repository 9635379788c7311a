"""What the keys of documents and of Tika do."""

from tests.support.unit.effects import Effect, amounts, inputs, variable
from tests.support.unit.pod_effects import pod_keys
from tests.support.unit.recording import Recording

OPENAI = ("openWebui.openaiApiBaseUrl=https://models.example.com/v1",)
OPENAI_SECRETS = {"openaiApiKey": "k"}
_EXTRACTION, _EMBEDDING, _RERANKER = (f"openWebui.documents.{key}" for key in ("extraction", "embedding", "reranker"))
DOCLING = (f"{_EXTRACTION}.engine=docling", f"{_EXTRACTION}.url=http://docling.documents:5001")
EXTERNAL_EXTRACTION = (f"{_EXTRACTION}.engine=external", f"{_EXTRACTION}.url=https://extract.example.com")
EXTERNAL_TIKA = (f"{_EXTRACTION}.url=http://tika.documents:9998",)
AZURE = (
    f"{_EMBEDDING}.engine=azure_openai",
    f"{_EMBEDDING}.url=https://example.openai.azure.com",
    f"{_EMBEDDING}.model=text-embedding-3-small",
    f"{_EMBEDDING}.apiVersion=2024-10-21",
)
AZURE_SECRETS = {"RAG_AZURE_OPENAI_API_KEY": "k"}
EMBEDDING_URL = (f"{_EMBEDDING}.url=https://embed.example.com/v1",)
OLLAMA = (f"{_EMBEDDING}.engine=ollama", f"{_EMBEDDING}.url=http://ollama.models:11434", f"{_EMBEDDING}.model=bge-m3")
RERANKER = (
    "openWebui.documents.hybridSearch=true",
    f"{_RERANKER}.engine=external",
    f"{_RERANKER}.url=https://rerank.example.com/v1/rerank",
    f"{_RERANKER}.model=reranker",
)
_POD = ("spec", "template", "spec")


_USED_WITH = {
    "DOCLING_API_KEY": DOCLING,
    "EXTERNAL_DOCUMENT_LOADER_API_KEY": EXTERNAL_EXTRACTION,
    "RAG_OPENAI_API_KEY": EMBEDDING_URL,
    "RAG_AZURE_OPENAI_API_KEY": AZURE,
    "RAG_OLLAMA_API_KEY": OLLAMA,
    "RAG_EXTERNAL_RERANKER_API_KEY": RERANKER,
}
"""Secret config keys with the names of their variables, and settings that use them."""


def _secret(key: str) -> Effect:
    def shows(recording: Recording) -> object:
        [entry] = [each for each in recording.containers["open-webui/open-webui"]["env"] if each["name"] == key]
        reference = entry["valueFrom"]["secretKeyRef"]
        return recording.one("Secret", reference["name"]).plain("stringData", reference["key"])

    return Effect(value="", sets=_USED_WITH[key], secrets={key: "sk-1"}, shows=shows, expected="sk-1")


EFFECTS: dict[str, Effect] = {
    "openWebui.documents.extraction.engine": Effect(
        value="none",
        shows=lambda r: (variable("CONTENT_EXTRACTION_ENGINE")(r), "tika" in r.pods),
        expected=("", False),
    ),
    "openWebui.documents.extraction.url": Effect(
        value="http://tika.documents:9998",
        shows=lambda r: (variable("TIKA_SERVER_URL")(r), "tika" in r.pods),
        expected=("http://tika.documents:9998", False),
    ),
    "openWebui.documents.embedding.engine": Effect(
        value="ollama", sets=OLLAMA[1:], shows=variable("RAG_EMBEDDING_ENGINE"), expected="ollama"
    ),
    "openWebui.documents.embedding.url": Effect(
        value="https://embed.example.com/v1",
        secrets={"RAG_OPENAI_API_KEY": "k"},
        shows=variable("RAG_OPENAI_API_BASE_URL"),
        expected="https://embed.example.com/v1",
    ),
    "openWebui.documents.embedding.model": Effect(
        value="bge-m3", shows=variable("RAG_EMBEDDING_MODEL"), expected="bge-m3"
    ),
    "openWebui.documents.embedding.apiVersion": Effect(
        value="2025-01-01-preview",
        sets=AZURE[:3],
        secrets=AZURE_SECRETS,
        shows=variable("RAG_AZURE_OPENAI_API_VERSION"),
        expected="2025-01-01-preview",
    ),
    "openWebui.documents.hybridSearch": Effect(
        value="true", shows=variable("ENABLE_RAG_HYBRID_SEARCH"), expected="true"
    ),
    "openWebui.documents.reranker.engine": Effect(
        value="external", sets=(RERANKER[0], *RERANKER[2:]), shows=variable("RAG_RERANKING_ENGINE"), expected="external"
    ),
    "openWebui.documents.reranker.url": Effect(
        value="https://other.example.com/rerank",
        sets=RERANKER,
        shows=variable("RAG_EXTERNAL_RERANKER_URL"),
        expected="https://other.example.com/rerank",
    ),
    "openWebui.documents.reranker.model": Effect(
        value="other", sets=RERANKER, shows=variable("RAG_RERANKING_MODEL"), expected="other"
    ),
    "openWebui.documents.reranker.topK": Effect(
        value="7", sets=RERANKER, shows=variable("RAG_TOP_K_RERANKER"), expected="7"
    ),
    "openWebui.documents.topK": Effect(value="8", shows=variable("RAG_TOP_K"), expected="8"),
    "openWebui.documents.chunkSize": Effect(value="2000", shows=variable("CHUNK_SIZE"), expected="2000"),
    "openWebui.documents.chunkOverlap": Effect(value="200", shows=variable("CHUNK_OVERLAP"), expected="200"),
    "tika.image": Effect(
        value="apache/tika:3.3.1.0-full",
        shows=lambda r: r.containers["tika/tika"]["image"],
        expected="apache/tika:3.3.1.0-full",
    ),
    "tika.replicas": Effect(value="3", shows=inputs("Deployment", "tika", "spec", "replicas"), expected=3),
    "tika.temporaryStorage": Effect(
        value="256Mi",
        shows=inputs("Deployment", "tika", *_POD, "volumes", 1, "emptyDir", "sizeLimit"),
        expected="256Mi",
    ),
    **amounts("tika", "tika/tika"),
    **pod_keys("tika", "Deployment", "tika"),
    **{key: _secret(key) for key in _USED_WITH},
}
