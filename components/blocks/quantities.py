"""Kubernetes quantities and Redis memory sizes: parsed, compared, rounded.

The kubernetes client has a parser, but importing it loads the whole client (half a second) into every preview.
"""

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

MEBIBYTE = 2**20

_QUANTITY_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate(("K", "M", "G", "T", "P", "E"), start=1)},
}
# [0-9] and not \\d, which matches the digits of every script. A number may have an exponent or a unit, not both.
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]{1,3})|(?P<unit>m|[kMGTPE]|[KMGTPE]i))?"
)
# Kubernetes silently caps larger quantities at this value:
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_LARGEST_QUANTITY = Decimal(2**63 - 1)
# More than any node has. A larger value is probably a number of bytes, or of thousandths without the suffix m.
_MOST_CORES = Decimal(1000)

# redis.conf: "1k => 1000 bytes, 1kb => 1024 bytes, ... units are case insensitive"
_REDIS_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1024,
    "m": 1000**2,
    "mb": 1024**2,
    "g": 1000**3,
    "gb": 1024**3,
}
_REDIS_MEMORY = re.compile(r"(?P<number>[0-9]+)(?P<unit>[a-z]*)")


def quantity(text: str) -> Decimal:
    """The value of a Kubernetes resource quantity: cores for CPU, bytes for memory and storage.

    Raises:
        ValueError: ``text`` is not a quantity, such as ``10Gb`` or ``-1``.
    """
    if not (match := _QUANTITY.fullmatch(text)):
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    return Decimal(match["number"]) * _QUANTITY_UNITS[match["unit"] or ""] * Decimal(10) ** int(match["exponent"] or 0)


def redis_bytes(text: str) -> int:
    """The bytes of a Redis memory size: ``512mb`` is 512 x 1024 x 1024, ``512m`` is 512 x 1000 x 1000.

    Raises:
        ValueError: ``text`` is not a size as redis.conf writes it.
    """
    match = _REDIS_MEMORY.fullmatch(text.lower())
    if not match or match["unit"] not in _REDIS_UNITS:
        raise ValueError(f"{text!r} is not a Redis memory size")
    return int(match["number"]) * _REDIS_UNITS[match["unit"]]


def mebibytes(amount: Decimal | int, multiple: int = 1) -> str:
    """``amount`` bytes as a quantity in Mi, rounded up to a multiple of ``multiple`` Mi."""
    steps = (Decimal(amount) / (MEBIBYTE * multiple)).to_integral_value(ROUND_CEILING)
    return f"{int(steps) * multiple}Mi"


def _number_as_text(value: object) -> object:
    # `pulumi config set --path a.cpu 2` and YAML store a number; Kubernetes takes both.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _parsed(value: object, valid: Callable[[Decimal], bool]) -> str | None:
    text = _number_as_text(value)
    if isinstance(text, str):
        try:
            amount = quantity(text)
        except ValueError:
            return None
        return text if 0 < amount <= _LARGEST_QUANTITY and valid(amount) else None
    return None


def _cores(value: object) -> str:
    # Kubernetes does not support fractions of a core below a thousandth.
    if (text := _parsed(value, lambda cores: cores <= _MOST_CORES and cores * 1000 % 1 == 0)) is not None:
        return text
    raise PydanticCustomError(
        "cores",
        "not a number of CPU cores",
        {"allowed": "cores such as 2, or thousandths of one such as 500m; at most 1000", "example": "500m"},
    )


def _bytes(value: object) -> str:
    if (text := _parsed(value, lambda amount: amount >= MEBIBYTE)) is not None:
        return text
    raise PydanticCustomError(
        "bytes",
        "not an amount from 1Mi to 8Ei",
        {"allowed": "a number with a unit such as 512Mi or 10Gi; without a unit it is bytes", "example": "512Mi"},
    )


def _redis_memory(value: object) -> object:
    text = _number_as_text(value)
    if isinstance(text, str):
        try:
            # Below 16 MiB the clients' buffers and the keyspace's own tables leave no room for a single session.
            if 16 * MEBIBYTE <= redis_bytes(text) <= _LARGEST_QUANTITY:
                return text
        except ValueError:
            pass
    raise PydanticCustomError(
        "redis_memory",
        "not a Redis memory size of at least 16mb",
        {"allowed": "a whole number with b, kb, mb or gb (1024s) or k, m, g (1000s)", "example": "512mb"},
    )


def _text_or_number(pattern: re.Pattern[str]) -> WithJsonSchema:
    # The regular expressions of JSON Schema are those of JavaScript: no named groups, and a partial match counts.
    unnamed = re.sub(r"\(\?P<\w+>", "(", pattern.pattern)
    return WithJsonSchema({"type": ["string", "number"], "pattern": f"^(?:{unnamed})$"})


Cores = Annotated[str, BeforeValidator(_cores), Field(examples=["500m"]), _text_or_number(_QUANTITY)]
"""An amount of CPU, kept as the user wrote it."""

Bytes = Annotated[str, BeforeValidator(_bytes), Field(examples=["512Mi"]), _text_or_number(_QUANTITY)]
"""An amount of memory or storage of at least 1Mi, kept as the user wrote it."""

RedisMemory = Annotated[
    str,
    BeforeValidator(_redis_memory),
    Field(examples=["512mb"]),
    WithJsonSchema({"type": ["string", "number"], "pattern": "^[0-9]+([kKmMgG]?[bB]|[kKmMgG])?$"}),
]
"""A memory size in the syntax of redis.conf, at least 16mb."""
