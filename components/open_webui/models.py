"""Settings of the services that serve models: several OpenAI-compatible ones, several Ollama servers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..blocks.base_settings import Fix, Problem
from .connections import (
    LIST_SEPARATOR,
    Connection,
    ConnectionName,
    as_json,
    in_order,
    literal,
    named_secrets,
    urls,
)
from .feature_settings import OWN_OLLAMA, FeatureSettings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_ONE_URL = {"openai": ("openaiApiBaseUrl", "openai_api_base_url"), "ollama": ("ollamaBaseUrl", "ollama_base_url")}
"""The setting of a single service of each kind, and its field."""

_LISTS = {
    "openai": ("OPENAI_API_BASE_URLS", "OPENAI_API_KEYS", "OPENAI_API_CONFIGS"),
    "ollama": ("OLLAMA_BASE_URLS", "OLLAMA_API_CONFIGS"),
}
"""Variables that the services of each kind set."""

_AUTH = {"key": "bearer", "none": "none", "session": "session", "oauth": "system_oauth"}
"""`authType` and Open WebUI's ``auth_type``."""


def _one_word(text: str) -> str:
    if text and text.isprintable() and not any(character.isspace() for character in text):
        return text
    raise PydanticCustomError(
        "one_word", "empty, or with a space in it", {"allowed": "a text without spaces", "example": "groq"}
    )


Word = Annotated[str, AfterValidator(_one_word)]


class ModelService(Connection):
    """A service that serves models."""

    prefix: Word | None = Field(
        None,
        examples=["groq"],
        description="Prefix of the names of its models, `prefix.model`: distinguishes models of the same name.",
    )
    model_ids: list[Word] = Field(
        [], examples=["gpt-4o"], description="The models to offer. Default: those that the service lists."
    )
    tags: list[Word] = Field([], examples=["fast"], description="Tags of its models in the selection.")

    @property
    def configuration(self) -> dict[str, Any]:
        """Its entry in the list of connections."""
        return {
            "enable": self.enabled,
            "prefix_id": literal(self.prefix or ""),
            "model_ids": [literal(model) for model in self.model_ids],
            "tags": [{"name": literal(tag)} for tag in self.tags],
            **({"headers": self.all_headers} if self.all_headers else {}),
        }


class OpenAIService(ModelService):
    """A service with the API of OpenAI. Open WebUI's Pipelines are one."""

    auth_type: Literal["key", "none", "session", "oauth"] = Field(
        "key",
        description="`key`: the key of `apiKeyFrom`. `session`: the user's token of Open WebUI. `oauth`: the token "
        "with which the user signed in by OAuth. `none`: no Authorization header.",
    )
    provider: Literal["openai", "azure", "llama.cpp", "lmstudio"] = Field(
        "openai", description="The kind of service: `azure` addresses deployments, the last two can load models."
    )
    api_version: str | None = Field(
        None,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$",
        examples=["2024-10-21"],
        description="Version of the API of provider `azure`.",
    )
    api: Literal["chat", "responses"] = Field(
        "chat", description="API that chats use: `/chat/completions` or `/responses`."
    )

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.api_key_from and self.auth_type != "key":
            yield Problem(
                keys=("apiKeyFrom", "authType"),
                message=f"apiKeyFrom has no effect with authType {self.auth_type}",
                allowed="remove it, or set authType to key",
                fix=Fix.REMOVE,
            )
        if self.api_version and self.provider != "azure":
            yield Problem(
                keys=("apiVersion", "provider"),
                message=f"apiVersion has no effect with provider {self.provider}",
                allowed="remove it, or set provider to azure",
                fix=Fix.REMOVE,
            )
        if self.provider == "azure" and not self.model_ids:
            yield Problem(
                keys=("modelIds", "provider"),
                message="provider azure needs modelIds: Azure does not list deployments",
                allowed="the names of the deployments",
                fix="gpt-4o",
            )

    @property
    def configuration(self) -> dict[str, Any]:
        return {
            **super().configuration,
            "auth_type": _AUTH[self.auth_type],
            "connection_type": "external",
            **({} if self.provider == "openai" else {"provider": self.provider}),
            **({"api_version": self.api_version} if self.api_version else {}),
            **({"api_type": "responses"} if self.api == "responses" else {}),
        }


class OllamaService(ModelService):
    """An Ollama server."""

    @property
    def configuration(self) -> dict[str, Any]:
        return {**super().configuration, "key": self.key, "connection_type": "local"}


class ModelSettings(FeatureSettings):
    """Services that serve models, each with a name of your choice. Each start of a web pod writes them into the
    database."""

    openai: dict[ConnectionName, OpenAIService] = Field(
        {}, description="OpenAI-compatible services. Conflicts with `openWebui.openaiApiBaseUrl`."
    )
    ollama: dict[ConnectionName, OllamaService] = Field(
        {}, description="Ollama servers, beside the one of `ollama`. Conflicts with `openWebui.ollamaBaseUrl`."
    )

    def conflicts(self, web: "OpenWebUISettings") -> Iterator[Problem]:
        for kind, (key, field) in _ONE_URL.items():
            if not getattr(self, kind):
                continue
            if getattr(web, field):
                yield Problem(
                    keys=(key, f"models.{kind}"),
                    message=f"{key} conflicts with models.{kind}, which names every service of this kind",
                    allowed=f"remove it, and add the service to models.{kind}",
                    fix=Fix.REMOVE,
                )
            for variable in _LISTS[kind]:
                if variable in web.env:
                    yield Problem(
                        keys=(f"env.{variable}", f"models.{kind}"),
                        message=f"env.{variable} conflicts with models.{kind}, which sets it",
                        allowed="one of the two",
                        fix=Fix.REMOVE,
                    )

    def composed_variables(self, services: Mapping[str, str]) -> dict[str, str]:
        return {**self._openai(), **self._ollama(services.get(OWN_OLLAMA))}

    def stored_variables(self, _web: "OpenWebUISettings", services: Mapping[str, str]) -> Iterable[str]:
        return self.composed_variables(services)

    def named_secrets(self) -> dict[str, str]:
        return {**named_secrets("openai", self.openai), **named_secrets("ollama", self.ollama)}

    def urls(self) -> dict[str, str]:
        return {**urls("openai", self.openai), **urls("ollama", self.ollama)}

    def _openai(self) -> dict[str, str]:
        services = in_order(self.openai)
        if not services:
            return {}
        # Open WebUI associates a URL with its key and its entry by their position in the lists.
        return {
            "ENABLE_OPENAI_API": "true",
            "OPENAI_API_BASE_URLS": LIST_SEPARATOR.join(literal(each.url.rstrip("/")) for each in services),
            "OPENAI_API_KEYS": LIST_SEPARATOR.join(each.key for each in services),
            "OPENAI_API_CONFIGS": as_json({str(index): each.configuration for index, each in enumerate(services)}),
        }

    def _ollama(self, own: str | None) -> dict[str, str]:
        every = [*([OllamaService(url=own)] if own else []), *in_order(self.ollama)]
        if not every:
            return {}
        return {
            "ENABLE_OLLAMA_API": "true",
            "OLLAMA_BASE_URLS": LIST_SEPARATOR.join(literal(each.url.rstrip("/")) for each in every),
            "OLLAMA_API_CONFIGS": as_json({str(index): each.configuration for index, each in enumerate(every)}),
        }
