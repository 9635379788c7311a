"""Settings of tool servers: OpenAPI servers and MCP servers that models may call."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ..blocks.base_settings import Fix, Problem
from ..blocks.names import Text
from .connections import Connection, ConnectionName, as_json, literal, named_secrets, urls
from .feature_settings import FeatureSettings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_AUTH = {"key": "bearer", "none": "none", "session": "session", "oauth": "system_oauth"}
# Only administrators can use a connection without a grant (`has_connection_access`).
_EVERYONE = [{"principal_type": "user", "principal_id": "*", "permission": "read"}]
_OPENAPI = "openapi.json"


class ToolServer(Connection):
    """A tool server. It receives the calls of models, with arguments that the model chose."""

    type: Literal["openapi", "mcp"] = Field(
        "openapi", description="`openapi`: an HTTP API with a description. `mcp`: an MCP server (streamable HTTP)."
    )
    path: str = Field(
        _OPENAPI,
        min_length=1,
        pattern=r"^[!-~]+$",
        description="Path of the description of an OpenAPI server.",
    )
    auth_type: Literal["key", "none", "session", "oauth"] = Field(
        "none",
        description="`key`: the key of `apiKeyFrom`. `session`: the user's token of Open WebUI. `oauth`: the token "
        "with which the user signed in by OAuth. `none`: no Authorization header.",
    )
    title: Text | None = Field(None, examples=["Tickets"], description="Name for users. Default: the key.")
    description: Text = Field("", description="Description for users and models.")
    access: Literal["administrators", "everyone"] = Field("administrators", description="Users who may use the server.")
    functions: list[str] = Field(
        [],
        examples=["search_tickets"],
        description="Functions of the server that models may call. Default: all of them.",
    )

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.api_key_from and self.auth_type != "key":
            yield Problem(
                keys=("authType", "apiKeyFrom"),
                message=f"authType {self.auth_type} conflicts with apiKeyFrom: the key would not be sent",
                allowed="key, or remove apiKeyFrom",
                fix="key",
            )
        if self.auth_type == "key" and not self.api_key_from:
            yield Problem(
                keys=("apiKeyFrom", "authType"),
                message="authType key needs apiKeyFrom",
                allowed="the name of a secret variable",
                fix="TOOLS_API_KEY",
            )
        if "://" in self.path:
            yield Problem(
                keys=("path",),
                message="path is a URL: its destination is not opened in the network policy",
                allowed="a path below url",
                fix=_OPENAPI,
            )
        if self.type == "mcp" and "path" in self.model_fields_set:
            yield Problem(
                keys=("path", "type"),
                message="path has no effect with type mcp",
                allowed="remove it; the path of an MCP server is in its url",
                fix=Fix.REMOVE,
            )

    def connection(self, name: str) -> dict[str, Any]:
        """Its entry in the list of connections.

        Args:
            name: its key in the settings.
        """
        return {
            "url": literal(self.url),
            "path": literal(self.path) if self.type == "openapi" else "",
            "type": self.type,
            "auth_type": _AUTH[self.auth_type],
            "key": self.key,
            **({"headers": self.all_headers} if self.all_headers else {}),
            "config": {
                "enable": self.enabled,
                "access_grants": _EVERYONE if self.access == "everyone" else [],
                **({"function_name_filter_list": literal(",".join(self.functions))} if self.functions else {}),
            },
            "info": {
                "id": name,
                "name": literal(self.title or name),
                "description": literal(self.description),
            },
        }


class ToolSettings(FeatureSettings):
    """Tools of models. Each start of a web pod writes the servers into the database."""

    servers: dict[ConnectionName, ToolServer] = Field({}, description="Tool servers, each with a name of your choice.")

    def composed_variables(self, _services: Mapping[str, str]) -> dict[str, str]:
        if not self.servers:
            return {}
        connections = [server.connection(name) for name, server in sorted(self.servers.items())]
        return {"TOOL_SERVER_CONNECTIONS": as_json(connections)}

    def stored_variables(self, _web: "OpenWebUISettings", services: Mapping[str, str]) -> Iterable[str]:
        return self.composed_variables(services)

    def named_secrets(self) -> dict[str, str]:
        return named_secrets("servers", self.servers)

    def urls(self) -> dict[str, str]:
        return urls("servers", self.servers)
