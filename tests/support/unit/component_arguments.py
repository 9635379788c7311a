"""Arguments of a component of the package, as the engine passes them."""

from collections.abc import Mapping
from typing import Any

from plugin.arguments import Argument
from plugin.values import Unknown, Value

UNKNOWN = Value(content=Unknown())
"""A value that is known only after the update."""


def argument(value: Any) -> Argument:
    """An argument with a plain value, or with a `Value`."""
    return Argument(value=wrapped(value), output=value)


def wrapped(value: Any) -> Value:
    """A plain value as the protocol has it, with one type of number."""
    if isinstance(value, Value):
        return value
    if isinstance(value, Mapping):
        return Value(content={name: wrapped(member) for name, member in value.items()})
    if isinstance(value, list):
        return Value(content=[wrapped(element) for element in value])
    return Value(content=float(value) if type(value) is int else value)


def secret(text: str) -> Value:
    """A secret."""
    return Value(content=text, secret=True)
