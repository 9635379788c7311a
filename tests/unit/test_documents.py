"""How documents are stored follows from their dimensions."""

import json

import pytest

from components.open_webui.documents import DocumentSettings
from components.open_webui.files.startup.output import RefusedError
from components.open_webui.files.startup.stored_keys import KEYS
from components.open_webui.files.startup.stored_settings import stored_rows
from components.open_webui.settings import OpenWebUISettings
from components.open_webui.stored_vectors import refused_vectors, stored_vectors
from tests.support.unit.config_reports import report
from tests.support.unit.effects_on_documents import DOCLING, EMBEDDING_URL, OLLAMA, OPENAI, OPENAI_SECRETS
from tests.support.unit.recording import Recording, run
from tests.support.unit.stored_names import stored_names

_EMBEDDING_KEY = "RAG_OPENAI_API_KEY"
_OLLAMA_ENGINE = ("openWebui.documents.embedding.engine=ollama", "openWebui.documents.embedding.model=bge-m3")
_SERVICES = "openWebui.models.ollama"


@pytest.mark.parametrize(
    ("dimensions", "stored"),
    [(1536, "vector(1536)"), (2000, "vector(2000)"), (2001, "halfvec(2001)"), (4000, "halfvec(4000)")],
)
def test_only_what_has_an_index_is_stored(dimensions: int, stored: str) -> None:
    assert DocumentSettings(dimensions=dimensions).vector_type == stored


def test_half_precision_can_be_chosen_with_few_dimensions() -> None:
    settings = DocumentSettings.model_validate({"dimensions": 1024, "halfPrecision": True})
    assert settings.vector_type == "halfvec(1024)"
    assert settings.variables(OpenWebUISettings(), {})["PGVECTOR_USE_HALFVEC"] == "true"


def test_more_dimensions_than_any_index_takes_are_refused() -> None:
    text = report({"openWebui": {"documents": {"dimensions": 4096}}})
    assert "openWebui.documents.dimensions: " in text
    assert "integer from 1 to 4000" in text


def test_full_precision_without_an_index_is_refused() -> None:
    text = report({"openWebui": {"documents": {"dimensions": 3072, "halfPrecision": False}}})
    assert "openWebui.documents.halfPrecision: " in text
    assert "true, or dimensions of at most 2000" in text


@pytest.mark.parametrize(
    ("before", "after", "commands"),
    [
        ({}, {"halfPrecision": False}, None),
        ({"dimensions": 3072}, {"dimensions": 3072, "halfPrecision": True}, None),
        ({}, {"dimensions": 1024}, ("openWebui.documents.dimensions 1536",)),
        (
            {},
            {"dimensions": 3072},
            ("openWebui.documents.dimensions 1536", "openWebui.documents.halfPrecision false"),
        ),
    ],
)
def test_stored_vectors_are_not_converted(
    before: dict[str, object], after: dict[str, object], commands: tuple[str, ...] | None
) -> None:
    facts = [stored_vectors(DocumentSettings.model_validate(settings)) for settings in (before, after)]
    finding = refused_vectors(*facts)
    named = finding and tuple(command.removeprefix("pulumi config set --path ") for command in finding.commands)
    assert named == commands


# Extraction, embedding, search.


def environment(recording: Recording) -> dict[str, str]:
    return {
        variable["name"]: variable.get("value", "") for variable in recording.containers["open-webui/open-webui"]["env"]
    }


def test_by_default_the_stack_extracts_with_its_own_tika_and_embeds_with_the_models_of_the_endpoint() -> None:
    variables = environment(run("dev", OPENAI, OPENAI_SECRETS))
    assert variables["CONTENT_EXTRACTION_ENGINE"] == "tika"
    assert variables["TIKA_SERVER_URL"] == "http://tika:9998"
    assert variables["RAG_EMBEDDING_ENGINE"] == "openai"
    assert variables["RAG_EMBEDDING_MODEL"] == "text-embedding-3-small"
    assert variables["RAG_OPENAI_API_BASE_URL"] == "https://models.example.com/v1"


def test_the_full_image_embeds_itself_unless_the_settings_name_a_service() -> None:
    full = "openWebui.variant=full"
    variables = environment(run("dev", [full, *OPENAI], OPENAI_SECRETS))
    assert variables["RAG_EMBEDDING_ENGINE"] == ""
    assert "RAG_EMBEDDING_MODEL" not in variables
    variables = environment(run("dev", [full, "openWebui.documents.embedding.engine=openai", *OPENAI], OPENAI_SECRETS))
    assert variables["RAG_EMBEDDING_ENGINE"] == "openai"


@pytest.mark.parametrize(
    ("sets", "secrets", "warned"),
    [
        ((), {}, True),
        (OPENAI, OPENAI_SECRETS, False),
        (EMBEDDING_URL, {"RAG_OPENAI_API_KEY": "k"}, False),
        (("ollama.enabled=true", *_OLLAMA_ENGINE), {}, False),
        (("openWebui.variant=full",), {}, False),
        (("openWebui.env.BYPASS_EMBEDDING_AND_RETRIEVAL=true",), {}, False),
    ],
)
def test_the_update_says_when_documents_cannot_be_embedded(
    sets: tuple[str, ...], secrets: dict[str, str], warned: bool
) -> None:
    warnings = run("dev", sets, secrets).warnings
    assert any(warning.startswith("documents cannot be embedded: ") for warning in warnings) is warned


@pytest.mark.parametrize(
    ("sets", "url"),
    [
        (("ollama.enabled=true",), "http://ollama.rag-system.svc:11434"),
        (("openWebui.ollamaBaseUrl=http://big.models.svc:11434",), "http://big.models.svc:11434"),
        ((f"{_SERVICES}.big.url=http://big.models.svc:11434/",), "http://big.models.svc:11434"),
        (
            (
                "ollama.enabled=true",
                f"{_SERVICES}.big.url=http://big.models.svc:11434",
                f"{_SERVICES}.big.enabled=false",
            ),
            "http://ollama.rag-system.svc:11434",
        ),
        (
            (
                "ollama.enabled=true",
                f"{_SERVICES}.big.url=http://big.models.svc:11434",
                "openWebui.documents.embedding.url=http://big.models.svc:11434",
            ),
            "http://big.models.svc:11434",
        ),
    ],
    ids=["own", "by URL", "by name", "the enabled one", "named"],
)
def test_the_ollama_server_of_the_settings_embeds(sets: tuple[str, ...], url: str) -> None:
    variables = environment(run("dev", [*sets, *_OLLAMA_ENGINE]))
    assert (variables["RAG_EMBEDDING_ENGINE"], variables["RAG_OLLAMA_BASE_URL"]) == ("ollama", url)


@pytest.mark.parametrize(
    ("config", "message", "allowed"),
    [
        ({}, "the settings name none", "ollama.enabled true"),
        (
            {"ollama": {"enabled": True}, "openWebui": {"models": {"ollama": {"b": {"url": "http://b:11434"}}}}},
            "2 Ollama servers (ollama.enabled, openWebui.models.ollama.b)",
            "http://ollama.rag-system.svc:11434 or http://b:11434",
        ),
        (
            {"openWebui": {"models": {"ollama": {"b": {"url": "http://b:11434"}, "c": {"url": "http://c:11434"}}}}},
            "2 Ollama servers",
            "http://b:11434 or http://c:11434",
        ),
    ],
    ids=["none", "own and another", "two"],
)
def test_an_ollama_server_that_is_not_certain_is_refused(
    config: dict[str, dict[str, object]], message: str, allowed: str
) -> None:
    documents = {"embedding": {"engine": "ollama", "model": "bge-m3"}}
    text = report({**config, "openWebui": {**config.get("openWebui", {}), "documents": documents}})
    assert "openWebui.documents.embedding.url: " in text
    assert message in text
    assert allowed in text
    assert "pulumi config set --path openWebui.documents.embedding.url http://" in text


def test_the_key_of_the_ollama_server_is_that_of_its_embeddings_too() -> None:
    server = (f"{_SERVICES}.big.url=http://big.models.svc:11434", f"{_SERVICES}.big.apiKeyFrom=BIG_API_KEY")
    secrets = {"secretEnv": json.dumps({"BIG_API_KEY": "k"})}
    recording = run("dev", [*server, *_OLLAMA_ENGINE], secrets)
    variables = recording.containers["open-webui/open-webui"]["env"]
    keys = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in variables if "valueFrom" in each}
    assert keys["RAG_OLLAMA_API_KEY"] == keys["BIG_API_KEY"]


@pytest.mark.parametrize(
    ("sets", "secrets", "destination"),
    [
        (DOCLING, {}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "documents"}}}),
        (OLLAMA, {}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "models"}}}),
    ],
)
def test_the_services_of_documents_are_destinations_of_the_web_pods(
    sets: tuple[str, ...], secrets: dict[str, str], destination: object
) -> None:
    egress = run("dev", sets, secrets).one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert destination in [peer for rule in egress for peer in rule["to"]]


def test_the_key_of_the_chat_models_is_not_sent_to_another_embedding_service() -> None:
    embedding = {"embedding": {"url": "https://embed.example.com/v1"}}
    text = report({"openWebui": {"documents": embedding}})
    assert "RAG_OPENAI_API_KEY: the secret RAG_OPENAI_API_KEY is missing" in text
    assert "openWebui.documents.embedding.url needs it" in text


@pytest.mark.parametrize(
    ("documents", "key", "allowed"),
    [
        ({"extraction": {"engine": "docling"}}, "extraction.url", "the URL of the service"),
        ({"extraction": {"engine": "none", "url": "http://a"}}, "extraction.url", "tika, docling or external"),
        ({"extraction": {"engine": "pandoc"}}, "extraction.engine", "external"),
        ({"embedding": {"engine": "ollama"}}, "embedding.model", "an embedding model of that Ollama"),
        ({"embedding": {"engine": "azure_openai"}}, "embedding.url", "needs url and model and apiVersion"),
        ({"embedding": {"apiVersion": "2024-10-21"}}, "embedding.apiVersion", "set engine to azure_openai"),
        ({"embedding": {"engine": "local"}}, "embedding.engine", "another engine, or variant full"),
        ({"reranker": {"engine": "external"}}, "reranker.url", "the URL of the service"),
        ({"reranker": {"model": "a"}}, "reranker.model", "external or local"),
        ({"reranker": {"engine": "external", "url": "http://a", "model": "a"}}, "hybridSearch", "true, or remove"),
        ({"chunkSize": 100}, "chunkOverlap", "at most 99"),
        ({"embedding": {"model": "text-embedding-3-large"}}, "dimensions", "at least 3072"),
        ({"embedding": {"model": "bge-m3:567m"}, "dimensions": 768}, "dimensions", "at least 1024"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(documents: dict[str, object], key: str, allowed: str) -> None:
    text = report({"openWebui": {"documents": documents}})
    assert f"openWebui.documents.{key}: " in text
    assert allowed in text


def test_a_model_of_unknown_size_or_with_fewer_dimensions_is_accepted() -> None:
    for model in ("my-model", "nomic-embed-text"):
        assert run("dev", [f"openWebui.documents.embedding.model={model}"])
    large = ["openWebui.documents.embedding.model=text-embedding-3-large", "openWebui.documents.dimensions=3072"]
    assert environment(run("dev", large))["PGVECTOR_USE_HALFVEC"] == "true"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("RAG_EMBEDDING_MODEL", "openWebui.documents.embedding.model"),
        ("TIKA_SERVER_URL", "openWebui.documents.extraction.url"),
        ("CHUNK_SIZE", "openWebui.documents.chunkSize"),
    ],
)
def test_a_variable_that_a_key_sets_is_refused_with_the_name_of_the_key(name: str, key: str) -> None:
    text = report({"openWebui": {"env": {name: "1"}}})
    assert f"{name} is set by the stack itself, from {key}" in text


def test_the_key_of_the_endpoint_is_that_of_its_embeddings_too() -> None:
    """Open WebUI itself uses the key of api.openai.com alone."""

    def key(sets: tuple[str, ...], secrets: dict[str, str]) -> str | None:
        containers = run("dev", sets, secrets).containers["open-webui/open-webui"]["env"]
        references = [each["valueFrom"]["secretKeyRef"]["key"] for each in containers if each["name"] == _EMBEDDING_KEY]
        return references[0] if references else None

    assert key(OPENAI, OPENAI_SECRETS) == "openai-api-key"
    assert key((*OPENAI, "openWebui.documents.embedding.engine=openai"), {**OPENAI_SECRETS, _EMBEDDING_KEY: "k"}) == (
        _EMBEDDING_KEY
    )
    assert key((*OPENAI, *EMBEDDING_URL), {**OPENAI_SECRETS, _EMBEDDING_KEY: "k"}) == _EMBEDDING_KEY
    assert key((*OPENAI, "openWebui.variant=full"), OPENAI_SECRETS) is None
    assert key((), {}) is None


# Stored in the database.

_DOCUMENTS = "openWebui.documents"
_OPENAI_ROWS = {"RAG_EMBEDDING_ENGINE", "RAG_EMBEDDING_MODEL", "RAG_OPENAI_API_BASE_URL", "RAG_OPENAI_API_KEY"}
_OLLAMA_ROWS = {"RAG_EMBEDDING_ENGINE", "RAG_EMBEDDING_MODEL", "RAG_OLLAMA_BASE_URL", "RAG_OLLAMA_API_KEY"}
_RERANKER_ROWS = {"RAG_RERANKING_ENGINE", "RAG_RERANKING_MODEL"}


@pytest.mark.parametrize(
    ("sets", "secrets", "stored"),
    [
        ((), {}, set()),
        (OPENAI, OPENAI_SECRETS, set()),
        ((f"{_DOCUMENTS}.topK=5",), {}, {"RAG_TOP_K"}),
        ((f"{_DOCUMENTS}.hybridSearch=true",), {}, {"ENABLE_RAG_HYBRID_SEARCH"}),
        # Together: an overlap that the admin panel set may not fit.
        ((f"{_DOCUMENTS}.chunkSize=2000",), {}, {"CHUNK_SIZE", "CHUNK_OVERLAP"}),
        ((f"{_DOCUMENTS}.extraction.engine=tika",), {}, {"CONTENT_EXTRACTION_ENGINE", "TIKA_SERVER_URL"}),
        ((f"{_DOCUMENTS}.extraction.engine=none",), {}, {"CONTENT_EXTRACTION_ENGINE"}),
        (DOCLING, {}, {"CONTENT_EXTRACTION_ENGINE", "DOCLING_SERVER_URL", "DOCLING_API_KEY"}),
        ((*OPENAI, f"{_DOCUMENTS}.embedding.model=text-embedding-ada-002"), OPENAI_SECRETS, _OPENAI_ROWS),
        (EMBEDDING_URL, {"RAG_OPENAI_API_KEY": "k"}, _OPENAI_ROWS),
        (OLLAMA, {}, _OLLAMA_ROWS),
        ((f"{_DOCUMENTS}.reranker.engine=none",), {}, _RERANKER_ROWS),
        (("openWebui.env.RAG_RELEVANCE_THRESHOLD=0.2",), {}, {"RAG_RELEVANCE_THRESHOLD"}),
        # Not the lists that the admin panel may have added to.
        ((*OPENAI, "openWebui.env.OPENAI_API_BASE_URLS=https://a/v1;https://b/v1"), OPENAI_SECRETS, set()),
    ],
)
def test_what_the_config_sets_is_stored_and_nothing_else(
    sets: tuple[str, ...], secrets: dict[str, str], stored: set[str]
) -> None:
    assert set(stored_names(run("dev", sets, secrets))) & set(KEYS) == stored


def test_a_reranker_that_is_turned_off_leaves_nothing_of_an_earlier_one() -> None:
    variables = environment(run("dev", [f"{_DOCUMENTS}.reranker.engine=none"]))
    assert {name: variables[name] for name in _RERANKER_ROWS} == dict.fromkeys(_RERANKER_ROWS, "")
    assert not _RERANKER_ROWS & environment(run("dev")).keys()


def test_a_key_that_the_config_lacks_is_stored_as_empty() -> None:
    """An earlier key is for another service."""
    environment = {"STORED_SETTINGS": "RAG_OLLAMA_API_KEY,RAG_OLLAMA_BASE_URL,RAG_TOP_K", "RAG_TOP_K": "4"}
    assert stored_rows(environment) == {"rag.ollama.api_key": "", "rag.top_k": 4}


def test_a_value_that_cannot_be_read_is_refused_without_it() -> None:
    with pytest.raises(RefusedError, match="RAG_TOP_K cannot be read") as refused:
        stored_rows({"STORED_SETTINGS": "RAG_TOP_K", "RAG_TOP_K": "hunter2"})
    assert "hunter2" not in str(refused.value)
