"""Configs of models and tools with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_URL = "https://models.example.com/v1"


def _openai(**service: object) -> Mapping[str, object]:
    return {"openWebui": {"models": {"openai": {"groq": {"url": _URL, **service}}}}}


def _tool(**server: object) -> Mapping[str, object]:
    return {"openWebui": {"tools": {"servers": {"tickets": {"url": "http://tickets.tools.svc", **server}}}}}


_GROQ = "openWebui.models.openai.groq"
_TICKETS = "openWebui.tools.servers.tickets"

MODEL_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    ("a service without URL", {"openWebui": {"models": {"openai": {"groq": {}}}}}, f"{_GROQ}.url", "needs it"),
    ("a service of an invalid URL", _openai(url="api.groq.com"), f"{_GROQ}.url", "http:// or https://"),
    ("a URL with a key", _openai(url="https://a:hunter2@api.groq.com"), f"{_GROQ}.url", "without user and password"),
    (
        "a service with a name in capitals",
        {"openWebui": {"models": {"openai": {"Groq": {"url": _URL}}}}},
        "openWebui.models.openai.Groq",
        "lower-case letters",
    ),
    (
        "a text for a service",
        {"openWebui": {"models": {"openai": {"groq": "https://hunter2@api.groq.com"}}}},
        _GROQ,
        "object",
    ),
    ("a key without a value", _openai(apiKeyFrom="GROQ_API_KEY"), "secretEnv.GROQ_API_KEY", "existingSecrets"),
    ("the signing key for a service", _openai(apiKeyFrom="WEBUI_SECRET_KEY"), f"{_GROQ}.apiKeyFrom", "secret variable"),
    (
        "a key that is not sent",
        {
            "openWebui": {"models": {"openai": {"groq": {"url": _URL, "apiKeyFrom": "RAG_API", "authType": "none"}}}},
            "existingSecrets": {"RAG_API": {"name": "llm", "key": "k"}},
        },
        f"{_GROQ}.apiKeyFrom",
        "set authType to key",
    ),
    (
        "a header with a secret",
        _openai(headers={"X-Api-Key": "hunter2"}),
        f"{_GROQ}.headers.X-Api-Key",
        "headersFrom",
    ),
    ("a header with a space", _openai(headers={"X Team": "a"}), f"{_GROQ}.headers.X Team", "HTTP header"),
    ("Azure without deployments", _openai(provider="azure"), f"{_GROQ}.modelIds", "deployments"),
    ("a version without Azure", _openai(apiVersion="2024-10-21"), f"{_GROQ}.apiVersion", "azure"),
    ("a prefix with a space", _openai(prefix="my models"), f"{_GROQ}.prefix", "without spaces"),
    (
        "one Ollama and a list of them",
        {"openWebui": {"ollamaBaseUrl": "http://a:11434", "models": {"ollama": {"b": {"url": "http://b:11434"}}}}},
        "openWebui.ollamaBaseUrl",
        "models.ollama",
    ),
    (
        "the list of URLs twice",
        {
            "openWebui": {
                "env": {"OLLAMA_BASE_URLS": "http://a:11434"},
                "models": {"ollama": {"b": {"url": "http://b:11434"}}},
            }
        },
        "openWebui.env.OLLAMA_BASE_URLS",
        "one of the two",
    ),
    (
        "a tool server with a key and without its name",
        _tool(authType="key"),
        f"{_TICKETS}.apiKeyFrom",
        "secret variable",
    ),
    ("a path for MCP", _tool(type="mcp", path="mcp"), f"{_TICKETS}.path", "in its url"),
    ("a description elsewhere", _tool(path="https://b/openapi.json"), f"{_TICKETS}.path", "below url"),
    (
        "the stack's own Ollama and another",
        {"ollama": {"enabled": True}, "openWebui": {"ollamaBaseUrl": "http://a:11434"}},
        "openWebui.ollamaBaseUrl",
        "openWebui.models.ollama",
    ),
    (
        "embeddings of one of two Ollama servers",
        {
            "ollama": {"enabled": True},
            "openWebui": {
                "models": {"ollama": {"b": {"url": "http://b:11434"}}},
                "documents": {"embedding": {"engine": "ollama", "model": "bge-m3"}},
            },
        },
        "openWebui.documents.embedding.url",
        "http://ollama.rag-system.svc:11434 or http://b:11434",
    ),
    ("a name of a GPU alone", {"ollama": {"gpu": {"resourceName": "amd.com/gpu"}}}, "ollama.gpu.resourceName", "count"),
    (
        "a GPU without domain",
        {"ollama": {"gpu": {"count": 1, "resourceName": "gpu"}}},
        "ollama.gpu.resourceName",
        "domain/name",
    ),
    ("a model with a flag", {"ollama": {"models": ["--insecure"]}}, "ollama.models[0]", "llama3.2:3b"),
    (
        "a registry of a private network",
        {"ollama": {"enabled": True, "models": ["registry.internal/team/small:1"]}},
        "ollama.egress",
        "CIDR:443",
    ),
    ("a time without unit", {"ollama": {"keepAlive": "5"}}, "ollama.keepAlive", "ms, s, m or h"),
]
