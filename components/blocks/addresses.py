"""Addresses and ports that a network policy accepts, as field types whose errors name the fix."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .names import is_address, is_dns_name

_TARGET = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<other>[^\[\]:]+)):(?P<port>[0-9]{1,5})")
HIGHEST_PORT = 65535


def _cidr(text: str) -> str:
    if _source_range(text).endswith("/0"):
        raise PydanticCustomError(
            "cidr_of_everything",
            "a range of every address: a policy with it holds nothing back",
            {"allowed": "the ranges that are needed", "example": "10.20.0.0/16"},
        )
    return text


def _source_range(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in text or not text.rpartition("/")[2].isdecimal():
        raise PydanticCustomError(
            "cidr", "not a range of addresses", {"allowed": "an address and a prefix length", "example": "10.20.0.0/16"}
        )
    if str(network) != text:
        # The API server refuses bits beyond the prefix, but only after the first objects exist.
        raise PydanticCustomError(
            "cidr_with_host_bits",
            "not the way the API server takes a range of addresses",
            {"allowed": f"{network}, or /{network.max_prefixlen} for one address", "example": str(network)},
        )
    return text


def target_of(text: str) -> tuple[str, int]:
    """Host and port of an `EgressTarget`. The host is a name, an address or a CIDR."""
    match = _TARGET.fullmatch(text)
    if not match:
        raise ValueError(text)
    return match["six"] or match["other"], int(match["port"])


def _egress_target(text: str) -> str:
    match = _TARGET.fullmatch(text)
    if match and 0 < int(match["port"]) <= HIGHEST_PORT:
        host = match["six"] or match["other"]
        if "/" in host:
            _cidr(host)
            return text
        if is_address(host) if match["six"] else is_address(host) or is_dns_name(host):
            return text
    raise PydanticCustomError(
        "egress_target",
        "not a destination",
        {
            "allowed": f"host:port, address:port or CIDR:port, port 1 to {HIGHEST_PORT}; IPv6 as [fd00:20::/48]:443; "
            "no scheme and no path",
            "example": "10.20.0.0/16:443",
        },
    )


Cidr = Annotated[str, AfterValidator(_cidr), Field(examples=["10.20.0.0/16"])]
"""A range of IPv4 or IPv6 addresses as the API server takes it: no bits beyond the prefix, not every address."""

SourceRange = Annotated[str, AfterValidator(_source_range), Field(examples=["198.51.100.0/24"])]
"""A `Cidr`, or every address: ``0.0.0.0/0``, ``::/0``."""

EgressTarget = Annotated[str, AfterValidator(_egress_target), Field(examples=["10.20.0.0/16:443"])]
"""A name, an address or a CIDR, and a TCP port: ``llm.example.com:443``, ``10.20.0.0/16:8080``, ``[fd00::/8]:443``."""
