"""What the keys of models and tools do, and those of Ollama."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.unit.effects import Effect, amounts, inputs, variable
from tests.support.unit.recording import Recording

_URL = "https://models.example.com/v1"
_OPENAI = (f"openWebui.models.openai.one.url={_URL}",)
_OLLAMA = ("openWebui.models.ollama.one.url=http://gpu.models.svc:11434",)
_TOOLS = ("openWebui.tools.servers.one.url=http://tickets.tools.svc:8080",)
_SERVER = ("ollama.enabled=true",)
_CONTAINER = "ollama/ollama"
_SECRET_ENV = {"secretEnv": '{"MODELS_API_KEY": "k"}'}


def _json(name: str, *path: str | int) -> Callable[[Recording], object]:
    """The value at a path of the JSON in a variable of the web pods; None where there is none."""

    def value(recording: Recording) -> object:
        content: Any = json.loads(str(variable(name)(recording)))
        for step in path:
            content = content.get(step) if isinstance(content, dict) else content[step]
        return content

    return value


def _service(kind: str, required: tuple[str, ...]) -> dict[str, Effect]:
    """Keys that services of both kinds have."""
    prefix, entry = f"openWebui.models.{kind}.<name>", f"{kind.upper()}_API_CONFIGS"
    path = prefix.replace("<name>", "one")
    return {
        f"{prefix}.url": Effect(
            value="",
            sets=(f"{path}.url=https://other.example.com/v1/",),
            shows=variable(f"{kind.upper()}_{'API_' if kind == 'openai' else ''}BASE_URLS"),
            expected="https://other.example.com/v1",
        ),
        f"{prefix}.enabled": Effect(value="false", sets=required, shows=_json(entry, "0", "enable"), expected=False),
        f"{prefix}.prefix": Effect(value="fast", sets=required, shows=_json(entry, "0", "prefix_id"), expected="fast"),
        f"{prefix}.modelIds": Effect(
            value="",
            sets=(*required, f"{path}.modelIds[0]=small"),
            shows=_json(entry, "0", "model_ids"),
            expected=["small"],
        ),
        f"{prefix}.tags": Effect(
            value="",
            sets=(*required, f"{path}.tags[0]=cheap"),
            shows=_json(entry, "0", "tags"),
            expected=[{"name": "cheap"}],
        ),
        f"{prefix}.headers": Effect(
            value="",
            sets=(*required, f"{path}.headers.X-Cost=$5"),
            shows=_json(entry, "0", "headers", "X-Cost"),
            expected="$$5",
        ),
        f"{prefix}.headersFrom": Effect(
            value="",
            sets=(*required, f"{path}.headersFrom.X-Team-Key=MODELS_API_KEY"),
            secrets=_SECRET_ENV,
            shows=_json(entry, "0", "headers", "X-Team-Key"),
            expected="$(MODELS_API_KEY)",
        ),
    }


def _server_variable(name: str) -> Callable[[Recording], object]:
    """The value of a variable of Ollama's server."""
    return lambda recording: {v["name"]: v["value"] for v in recording.containers[_CONTAINER]["env"]}.get(name)


EFFECTS: dict[str, Effect] = {
    **_service("openai", _OPENAI),
    "openWebui.models.openai.<name>.apiKeyFrom": Effect(
        value="MODELS_API_KEY",
        sets=_OPENAI,
        secrets=_SECRET_ENV,
        shows=variable("OPENAI_API_KEYS"),
        expected="$(MODELS_API_KEY)",
    ),
    "openWebui.models.openai.<name>.authType": Effect(
        value="session", sets=_OPENAI, shows=_json("OPENAI_API_CONFIGS", "0", "auth_type"), expected="session"
    ),
    "openWebui.models.openai.<name>.api": Effect(
        value="responses", sets=_OPENAI, shows=_json("OPENAI_API_CONFIGS", "0", "api_type"), expected="responses"
    ),
    "openWebui.models.openai.<name>.provider": Effect(
        value="llama.cpp", sets=_OPENAI, shows=_json("OPENAI_API_CONFIGS", "0", "provider"), expected="llama.cpp"
    ),
    "openWebui.models.openai.<name>.apiVersion": Effect(
        value="2024-10-21",
        sets=(
            *_OPENAI,
            "openWebui.models.openai.one.provider=azure",
            "openWebui.models.openai.one.modelIds[0]=gpt-4o",
        ),
        shows=_json("OPENAI_API_CONFIGS", "0", "api_version"),
        expected="2024-10-21",
    ),
    **_service("ollama", _OLLAMA),
    "openWebui.models.ollama.<name>.apiKeyFrom": Effect(
        value="MODELS_API_KEY",
        sets=_OLLAMA,
        secrets=_SECRET_ENV,
        shows=_json("OLLAMA_API_CONFIGS", "0", "key"),
        expected="$(MODELS_API_KEY)",
    ),
    "openWebui.tools.servers.<name>.url": Effect(
        value="",
        sets=("openWebui.tools.servers.one.url=https://tools.example.com/",),
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "url"),
        expected="https://tools.example.com/",
    ),
    "openWebui.tools.servers.<name>.type": Effect(
        value="mcp", sets=_TOOLS, shows=_json("TOOL_SERVER_CONNECTIONS", 0, "type"), expected="mcp"
    ),
    "openWebui.tools.servers.<name>.path": Effect(
        value="v2/openapi.json",
        sets=(*_TOOLS, "openWebui.tools.servers.one.type=openapi"),
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "path"),
        expected="v2/openapi.json",
    ),
    "openWebui.tools.servers.<name>.authType": Effect(
        value="",
        sets=(*_TOOLS, "openWebui.tools.servers.one.authType=session"),
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "auth_type"),
        expected="session",
    ),
    "openWebui.tools.servers.<name>.apiKeyFrom": Effect(
        value="MODELS_API_KEY",
        sets=(*_TOOLS, "openWebui.tools.servers.one.authType=key"),
        secrets=_SECRET_ENV,
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "key"),
        expected="$(MODELS_API_KEY)",
    ),
    "openWebui.tools.servers.<name>.headers": Effect(
        value="",
        sets=(*_TOOLS, "openWebui.tools.servers.one.headers.X-Team=search"),
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "headers", "X-Team"),
        expected="search",
    ),
    "openWebui.tools.servers.<name>.headersFrom": Effect(
        value="",
        sets=(*_TOOLS, "openWebui.tools.servers.one.headersFrom.X-Team=MODELS_API_KEY"),
        secrets=_SECRET_ENV,
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "headers", "X-Team"),
        expected="$(MODELS_API_KEY)",
    ),
    "openWebui.tools.servers.<name>.enabled": Effect(
        value="false", sets=_TOOLS, shows=_json("TOOL_SERVER_CONNECTIONS", 0, "config", "enable"), expected=False
    ),
    "openWebui.tools.servers.<name>.title": Effect(
        value="Tickets", sets=_TOOLS, shows=_json("TOOL_SERVER_CONNECTIONS", 0, "info", "name"), expected="Tickets"
    ),
    "openWebui.tools.servers.<name>.description": Effect(
        value="Find tickets.",
        sets=_TOOLS,
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "info", "description"),
        expected="Find tickets.",
    ),
    "openWebui.tools.servers.<name>.access": Effect(
        value="everyone",
        sets=_TOOLS,
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "config", "access_grants"),
        expected=[{"principal_type": "user", "principal_id": "*", "permission": "read"}],
    ),
    "openWebui.tools.servers.<name>.functions": Effect(
        value="",
        sets=(*_TOOLS, "openWebui.tools.servers.one.functions[0]=find", "openWebui.tools.servers.one.functions[1]=get"),
        shows=_json("TOOL_SERVER_CONNECTIONS", 0, "config", "function_name_filter_list"),
        expected="find,get",
    ),
    "ollama.enabled": Effect(value="true", shows=variable("ENABLE_OLLAMA_API"), expected="true"),
    "ollama.image": Effect(
        value="mirror/ollama:0.17.4-rocm",
        sets=_SERVER,
        shows=lambda r: r.containers[_CONTAINER]["image"],
        expected="mirror/ollama:0.17.4-rocm",
    ),
    "ollama.models": Effect(
        value="",
        sets=(*_SERVER, "ollama.models[0]=llama3.2:3b"),
        shows=lambda r: r.containers["ollama-pull/pull"]["command"][-1],
        expected="llama3.2:3b",
    ),
    "ollama.egress": Effect(
        value="",
        sets=(*_SERVER, "ollama.egress[0]=10.20.0.0/16:443"),
        shows=inputs("NetworkPolicy", "ollama", "spec", "egress"),
        expected=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 443}]}],
    ),
    "ollama.pullSeconds": Effect(
        value="7200",
        sets=(*_SERVER, "ollama.models[0]=llama3.2:3b"),
        shows=inputs("Job", "ollama-pull", "spec", "activeDeadlineSeconds"),
        expected=7200,
    ),
    "ollama.storage.size": Effect(
        value="80Gi",
        sets=_SERVER,
        shows=inputs("PersistentVolumeClaim", "ollama-models", "spec", "resources", "requests", "storage"),
        expected="80Gi",
    ),
    "ollama.storage.className": Effect(
        value="nvme",
        sets=_SERVER,
        shows=inputs("PersistentVolumeClaim", "ollama-models", "spec", "storageClassName"),
        expected="nvme",
    ),
    "ollama.gpu.count": Effect(
        value="2",
        sets=_SERVER,
        shows=lambda r: r.containers[_CONTAINER]["resources"]["limits"].get("nvidia.com/gpu"),
        expected="2",
    ),
    "ollama.gpu.resourceName": Effect(
        value="amd.com/gpu",
        sets=(*_SERVER, "ollama.gpu.count=1"),
        shows=lambda r: r.containers[_CONTAINER]["resources"]["requests"].get("amd.com/gpu"),
        expected="1",
    ),
    "ollama.keepAlive": Effect(value="1h", sets=_SERVER, shows=_server_variable("OLLAMA_KEEP_ALIVE"), expected="1h"),
    "ollama.contextLength": Effect(
        value="8192", sets=_SERVER, shows=_server_variable("OLLAMA_CONTEXT_LENGTH"), expected="8192"
    ),
    "ollama.parallel": Effect(value="4", sets=_SERVER, shows=_server_variable("OLLAMA_NUM_PARALLEL"), expected="4"),
    "ollama.maxLoadedModels": Effect(
        value="2", sets=_SERVER, shows=_server_variable("OLLAMA_MAX_LOADED_MODELS"), expected="2"
    ),
    "ollama.maxQueue": Effect(value="64", sets=_SERVER, shows=_server_variable("OLLAMA_MAX_QUEUE"), expected="64"),
    **amounts("ollama", _CONTAINER),
}
