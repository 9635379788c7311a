"""Pulumi's property values as plain Python: dicts, lists and scalars, with `Secret` and `UNKNOWN` in their places.

`PropertyValue` of `pulumi.provider.experimental` (SDK 3.272) neither reads nor writes unknown values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value

from pulumi_values.special import SECRET, SECRET_SIGNATURE, SIGNATURE, UNKNOWN_STRING, is_unknown

Properties = dict[str, Any]

# Shorter strings ("1", "yes") are not worth hiding, and replacing them would garble the message.
SHORTEST_REDACTED = 4


class Unknown:
    """A value that is known only after the update that a preview foresees."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in the state and hides in its output."""

    value: Any

    def __repr__(self) -> str:
        return f"Secret({SECRET})"


def decode(properties: Struct) -> Properties:
    """Properties as the engine sent them."""
    return {key: _decoded(value) for key, value in properties.fields.items()}


def _decoded(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE not in fields:
            return decode(value.struct_value)
        if fields[SIGNATURE].string_value != SECRET_SIGNATURE:
            raise ValueError("assets, archives and references to resources are not served")
        return Secret(_decoded(fields["value"]))
    if kind == "list_value":
        return [_decoded(item) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if is_unknown(value.string_value) else value.string_value
    if kind == "number_value":
        # Every number arrives as a double; the API server refuses 1.0 where it wants an integer.
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return value.bool_value if kind == "bool_value" else None


def encode(properties: Mapping[str, Any]) -> Struct:
    """Properties as the engine expects them."""
    struct = Struct()
    struct.update(_encoded(properties))
    return struct


def _encoded(value: Any) -> Any:
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET_SIGNATURE, "value": _encoded(value.value)}
    if isinstance(value, Mapping):
        return {key: _encoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    return UNKNOWN_STRING if isinstance(value, Unknown) else value


def reveal(value: Any) -> Any:
    """The same value as a copy without secret marks. For what leaves for the API server and for comparisons."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    return [reveal(item) for item in value] if isinstance(value, list) else value


def _inside(value: Any) -> Iterator[Any]:
    """The value and everything in it."""
    yield value
    children: Any = ()
    if isinstance(value, Secret):
        children = (value.value,)
    elif isinstance(value, Mapping):
        children = value.values()
    elif isinstance(value, list):
        children = value
    for child in children:
        yield from _inside(child)


def has_unknown(value: Any) -> bool:
    return any(isinstance(item, Unknown) for item in _inside(value))


def has_secret(value: Any) -> bool:
    return any(isinstance(item, Secret) for item in _inside(value))


def redact(text: str, properties: Any) -> str:
    """`text` with every secret string of `properties` replaced. API servers quote what they refuse."""
    hidden = {
        item
        for secret in _inside(properties)
        if isinstance(secret, Secret)
        for item in _inside(secret.value)
        if isinstance(item, str) and len(item) >= SHORTEST_REDACTED
    }
    for item in sorted(hidden, key=len, reverse=True):
        text = text.replace(item, SECRET)
    return text


def mark_secrets(outputs: Properties, inputs: Any) -> Properties:
    """`outputs` with everything secret that was secret in `inputs`, and the data of a Kubernetes Secret always.

    As in the official kubernetes provider: maps are walked; any other value that holds a secret in `inputs` becomes
    secret as a whole, since lists may come back in another order.
    """
    if outputs.get("kind") == "Secret":
        return {
            key: Secret(reveal(value)) if key in ("data", "stringData") else value for key, value in outputs.items()
        }
    marked = dict(outputs)
    for key, value in (inputs if isinstance(inputs, Mapping) else {}).items():
        if key not in marked:
            continue
        if isinstance(value, Mapping) and isinstance(marked[key], Mapping):
            marked[key] = mark_secrets(marked[key], value)
        elif has_secret(value):
            marked[key] = Secret(reveal(marked[key]))
    return marked
