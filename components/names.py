"""Names that Kubernetes, DNS and HTTP accept, as field types with errors a person can act on."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _namespace(text: str) -> str:
    # The API server reserves kube- for the system; `default` cannot carry this stack's quota and policies.
    if _LABEL.fullmatch(text) and not text.startswith("kube-") and text != "default":
        return text
    raise PydanticCustomError(
        "namespace_name",
        "not a name for a namespace of this stack",
        {
            "allowed": "1 to 63 lower-case letters, digits and '-', not at the ends; not `default` or `kube-...`",
            "example": "rag-system",
        },
    )


def _object_name(text: str) -> str:
    if len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split(".")):
        return text
    raise PydanticCustomError(
        "object_name",
        "not a name of a Kubernetes object",
        {"allowed": "lower-case letters, digits, '-' and '.', not at the ends", "example": "redis-tls"},
    )


def _host_name(text: str) -> str:
    if len(text) <= 253 and "." in text and all(_LABEL.fullmatch(label) for label in text.split(".")):
        return text
    raise PydanticCustomError(
        "host_name",
        "not a DNS host name",
        {
            "allowed": "a full host name in lower case, without scheme, port or path",
            "example": "chat.example.com",
        },
    )


def _http_url(text: str) -> str:
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise PydanticCustomError(
            "http_url",
            "not an http or https URL",
            {
                "allowed": "http:// or https://, a host, optionally a port and a path",
                "example": "https://api.openai.com/v1",
            },
        )
    if url.username is not None or url.password is not None:
        raise PydanticCustomError(
            "secret_in_url",
            "a URL with credentials is a secret in plain text",
            {"allowed": "a URL without user and password", "example": "https://api.openai.com/v1", "hide": True},
        )
    return text


def _email(text: str) -> str:
    if _EMAIL.fullmatch(text):
        return text
    raise PydanticCustomError(
        "email",
        "not an e-mail address",
        {"allowed": "name@domain with a dot in the domain", "example": "admin@example.com"},
    )


def _as_text(value: object) -> object:
    # `pulumi config set --path` turns true and 3 into what they look like; variables and annotations are texts.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def hosts_in(text: str) -> list[str]:
    """The hosts of a `HostList`."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _host_list(text: str) -> str:
    for host in hosts_in(text):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")):
                continue
            raise PydanticCustomError(
                "host_list",
                "not a list of hosts",
                {
                    "allowed": "host names or addresses with commas between them, without scheme or port",
                    "example": "redis-1.example.com,redis-2.example.com",
                },
            ) from None
    return text


HostList = Annotated[str, AfterValidator(_host_list), Field(examples=["redis.example.com"])]
"""Host names and addresses with commas between them; may be empty."""

Text = Annotated[str, BeforeValidator(_as_text)]
"""A text that may be written as a number or a boolean."""

ObjectName = Annotated[str, AfterValidator(_object_name)]
"""Name of a Kubernetes object, as of a Secret."""

NamespaceName = Annotated[str, AfterValidator(_namespace)]
HostName = Annotated[str, AfterValidator(_host_name), Field(examples=["chat.example.com"])]
HttpUrl = Annotated[str, AfterValidator(_http_url), Field(examples=["https://api.openai.com/v1"])]
EmailAddress = Annotated[str, AfterValidator(_email)]
