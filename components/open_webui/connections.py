"""Connections of the web pods to services of models and tools: the common settings.

Read in the source of Open WebUI 0.12.4: `config.py`, `utils/headers.py`, `routers/openai.py`, `routers/ollama.py`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.metadata_names import PublicText
from ..blocks.names import HttpUrl
from ..blocks.secret_names import is_secret_name
from .environment_names import VariableName
from .variables import VariableClass, variable_table

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")


def _connection_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise PydanticCustomError(
        "connection_name",
        "not a name of a connection",
        {"allowed": "1 to 32 lower-case letters, digits and '-', not at the ends", "of_name": True},
    )


def _header_name(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise PydanticCustomError(
            "header_name",
            "not a name of an HTTP header",
            {"allowed": "letters, digits and '-', as in X-Team", "of_name": True},
        )
    return name


def _public_header_name(name: str) -> str:
    if name.lower() in _SECRET_HEADERS or is_secret_name(name):
        raise PydanticCustomError(
            "secret_header",
            "a header with a secret in plain text",
            {"allowed": "headers without secrets; for the others headersFrom", "of_name": True},
        )
    return _header_name(name)


def _secret_name(name: str) -> str:
    variable = variable_table().get(name)
    if variable is None or variable.rule.kind is VariableClass.SECRET:
        return name
    raise PydanticCustomError(
        "secret_variable",
        "a variable that Open WebUI reads for something else",
        {"allowed": "the name of a secret variable, such as MODELS_API_KEY", "example": "MODELS_API_KEY"},
    )


ConnectionName = Annotated[str, AfterValidator(_connection_name)]
SecretVariable = Annotated[VariableName, AfterValidator(_secret_name)]
"""Name of an environment variable of the web pods that has a secret: a member of `secretEnv` or `existingSecrets`."""

HeaderName = Annotated[str, AfterValidator(_header_name)]
PublicHeaderName = Annotated[str, AfterValidator(_public_header_name)]

LIST_SEPARATOR = ";"
"""Separator of the values of a variable with a list. A key cannot contain it."""


CONNECTION_LISTS = frozenset(
    {
        "OPENAI_API_BASE_URLS",
        "OPENAI_API_KEYS",
        "OPENAI_API_CONFIGS",
        "OLLAMA_BASE_URLS",
        "OLLAMA_API_CONFIGS",
        "TOOL_SERVER_CONNECTIONS",
    }
)
"""Variables with the lists of connections. If the user sets them as variables, they only initialize an empty database,
and do not replace the lists of the admin panel (docs/decisions/0032-connections.md)."""


class Connection(Settings):
    """A service that the web pods connect to."""

    url: HttpUrl = Field(description="URL of the service. The network policy allows its destination.")
    api_key_from: SecretVariable | None = Field(
        None,
        examples=["MODELS_API_KEY"],
        description="Secret environment variable with the key of the service: a name in `secretEnv` or in "
        "`existingSecrets`. Default: no key is sent.",
    )
    enabled: bool = Field(True, description="Use the service. A disabled service stays in the admin panel.")
    headers: dict[PublicHeaderName, PublicText] = Field(
        {},
        description="Further headers of each request. Open WebUI replaces `{{USER_ID}}`, `{{USER_EMAIL}}`, "
        "`{{CHAT_ID}}` and others.",
    )
    headers_from: dict[HeaderName, SecretVariable] = Field(
        {},
        description="Headers with secrets: the name of the secret environment variable with the value of each header.",
    )

    def problems(self) -> Iterator[Problem]:
        names = {name.lower() for name in self.headers}
        for name in self.headers_from:
            if name.lower() in names:
                yield Problem(
                    keys=(f"headersFrom.{name}", f"headers.{name}"),
                    message=f"{name} is also in headers",
                    allowed="one of the two",
                    fix=Fix.REMOVE,
                )

    @property
    def named_secrets(self) -> dict[str, str]:
        """Secret variables by the key that names them."""
        headers = {f"headersFrom.{name}": variable for name, variable in self.headers_from.items()}
        return {**({"apiKeyFrom": self.api_key_from} if self.api_key_from else {}), **headers}

    @property
    def key(self) -> str:
        """The key of the service as a reference; empty without a key."""
        return reference(self.api_key_from) if self.api_key_from else ""

    @property
    def all_headers(self) -> dict[str, str]:
        """Every header, the secret ones as references."""
        plain = {name: literal(value) for name, value in self.headers.items()}
        return plain | {name: reference(variable) for name, variable in self.headers_from.items()}


_Connection = TypeVar("_Connection", bound=Connection)


def reference(variable: str) -> str:
    """The value of another variable of the container, which the kubelet fills in.

    https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    """
    return f"$({variable})"


def literal(text: str) -> str:
    """The text, escaped so that the kubelet does not replace references in it."""
    return text.replace("$", "$$")


def as_json(value: object) -> str:
    """A value with references as JSON. The secrets in it must not contain quotation marks or backslashes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def in_order(connections: Mapping[str, _Connection]) -> list[_Connection]:
    """The connections sorted by name, so the order of lines in the config has no effect."""
    return [connections[name] for name in sorted(connections)]


def named_secrets(key: str, connections: Mapping[str, Connection]) -> dict[str, str]:
    """Secret variables that the connections name, by the path of the setting, which begins with the key."""
    return {
        f"{key}.{name}.{path}": variable
        for name, connection in connections.items()
        for path, variable in connection.named_secrets.items()
    }


def urls(key: str, connections: Mapping[str, Connection]) -> dict[str, str]:
    """URLs of the connections in use, by the path of the setting, which begins with the key."""
    return {f"{key}.{name}.url": each.url for name, each in connections.items() if each.enabled}
