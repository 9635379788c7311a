"""Names that Kubernetes, DNS and HTTP accept, as field types whose errors name the fix."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from .patterns import matching

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PRINTABLE = re.compile(r"[!-~]+")
# https://pkg.go.dev/github.com/distribution/reference
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
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


# Any namespace: k3s runs its ingress controller in kube-system.
_existing_namespace = matching(
    _LABEL,
    "existing_namespace",
    "not a name of a namespace",
    allowed="1 to 63 lower-case letters, digits and '-', not at the ends",
    example="ingress-nginx",
)


def _object_name(text: str) -> str:
    if is_dns_name(text):
        return text
    raise PydanticCustomError(
        "object_name",
        "not a name of a Kubernetes object",
        {"allowed": "lower-case letters, digits, '-' and '.', not at the ends", "example": "redis-tls"},
    )


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_dns_name(text: str) -> bool:
    """Whether it is a DNS name in lower case, of one label or more."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def _host_name(text: str) -> str:
    # The host of an Ingress cannot be an address.
    if "." in text and is_dns_name(text) and not is_address(text):
        return text
    raise PydanticCustomError(
        "host_name",
        "not a DNS host name",
        {
            "allowed": "a full host name in lower case, without scheme, port, path or dot at the end; no address",
            "example": "chat.example.com",
        },
    )


def _http_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host = (url.hostname or "").removesuffix(".")
        valid = url.scheme in ("http", "https") and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    if valid and (url.username is not None or url.password is not None):
        raise PydanticCustomError(
            "secret_in_url",
            "a URL with credentials is a secret in plain text",
            {"allowed": "a URL without user and password", "example": "https://api.openai.com/v1", "hide": True},
        )
    if valid and (url.query or url.fragment):
        raise PydanticCustomError(
            "url_with_query",
            "a URL with a query: what is appended to it would end up there, and it may hold a key in plain text",
            {"allowed": "a URL without ? and #", "example": "https://api.openai.com/v1", "hide": True},
        )
    if not valid or not _PRINTABLE.fullmatch(text) or not (is_address(host) or is_dns_name(host)):
        raise PydanticCustomError(
            "http_url",
            "not an http or https URL",
            {
                "allowed": "http:// or https://, a host, optionally a port and a path",
                "example": "https://api.openai.com/v1",
            },
        )
    return text


def _image(text: str) -> str:
    match = _IMAGE.fullmatch(text)
    if match and (match["digest"] or match["tag"] not in (None, "latest")):
        return text
    raise PydanticCustomError(
        "image",
        "not an image of a fixed version" if match else "not the name of a container image",
        {
            "allowed": "repository:tag, repository@sha256:... or both; not the tag latest",
            "example": "registry/image:1.0",
        },
    )


_image_digest = matching(
    _DIGEST,
    "image_digest",
    "not the digest of an image",
    allowed="sha256: and 64 hexadecimal digits",
    example=f"sha256:{'0' * 64}",
)


def _image_repository(text: str) -> str:
    if (match := _IMAGE.fullmatch(text)) and not match["tag"] and not match["digest"]:
        return text
    raise PydanticCustomError(
        "image_repository",
        "not the repository of a container image",
        {"allowed": "registry/path without a tag, which follows from other keys", "example": "registry/open-webui"},
    )


_email = matching(
    _EMAIL,
    "email",
    "not an e-mail address",
    allowed="name@domain with a dot in the domain",
    example="admin@example.com",
)


def _as_text(value: object) -> object:
    # `pulumi config set --path` stores true as a boolean and 3 as a number, but variables and annotations are strings.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def hosts_in(text: str) -> list[str]:
    """The hosts of a `HostList`."""
    return [part.strip() for part in text.split(",") if part.strip()]


def none_can_be(host: str, servers: list[str]) -> bool:
    """Whether the host cannot be any of the servers. A name may resolve to an address of the list."""
    names = {name.lower().removesuffix(".") for name in servers}
    return host.removesuffix(".") not in names and (is_address(host) or not any(map(is_address, names)))


def _host_list(text: str) -> str:
    for host in hosts_in(text):
        if not (is_address(host) or is_dns_name(host.removesuffix("."))):
            raise PydanticCustomError(
                "host_list",
                "not a list of hosts",
                {
                    "allowed": "host names or addresses with commas between them, without scheme or port",
                    "example": "redis-1.example.com,redis-2.example.com",
                },
            )
    return text


def _line(text: str) -> str:
    if text.strip() == text and text and text.isprintable():
        return text
    raise PydanticCustomError("line", "not a text of one line", {"allowed": "a text of one line without outer spaces"})


def _word(text: str) -> str:
    if text and text.isprintable() and not any(character.isspace() for character in text):
        return text
    raise PydanticCustomError("word", "empty, or with spaces", {"allowed": "a text without spaces"})


HostList = Annotated[str, AfterValidator(_host_list), Field(examples=["redis.example.com"])]
"""Host names and addresses with commas between them; may be empty."""

Text = Annotated[str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""A text that may be written as a number or a boolean."""

Line = Annotated[Text, AfterValidator(_line)]
"""A text of one line that is not empty."""

Word = Annotated[Text, AfterValidator(_word)]
"""A text without spaces that is not empty."""

ObjectName = Annotated[str, AfterValidator(_object_name)]
"""Name of a Kubernetes object, as of a Secret."""

ImageReference = Annotated[str, AfterValidator(_image)]
"""A container image with a tag, a digest or both."""

ImageRepository = Annotated[str, AfterValidator(_image_repository)]
"""A container image without tag and digest."""

ImageDigest = Annotated[str, _image_digest, Field(examples=[f"sha256:{'0' * 64}"])]
"""Digest of a container image."""

NamespaceName = Annotated[str, AfterValidator(_namespace)]
"""Name of a namespace that the stack may create."""

ExistingNamespace = Annotated[str, _existing_namespace]
"""Name of a namespace that the stack does not manage."""

HostName = Annotated[str, AfterValidator(_host_name), Field(examples=["chat.example.com"])]
HttpUrl = Annotated[str, AfterValidator(_http_url), Field(examples=["https://api.openai.com/v1"])]
EmailAddress = Annotated[str, _email]
