"""The values of arguments in the engine's protocol, with what is secret and what is not known yet.

`PropertyValue` of `pulumi.provider.experimental` (SDK 3.272) raises UnboundLocalError for an output without
dependencies, and ValueError for one that is not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as EncodedValue

from pulumi_values.special import OUTPUT_SIGNATURE, SECRET_SIGNATURE, SIGNATURE, is_unknown

Location = tuple[str | int, ...]


class Unknown:
    """A value that is known only after the update."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value."""

    content: Any
    """A scalar, `Unknown`, a dict or a list of values, or None."""

    secret: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether the value itself is not known yet."""
        return isinstance(self.content, Unknown)

    @property
    def parts(self) -> Iterator[tuple[Location, "Value"]]:
        """The value and all values in it, each with its location."""
        yield (), self
        inside: Iterable[tuple[str | int, Value]] = ()
        if isinstance(self.content, Mapping):
            inside = self.content.items()
        elif isinstance(self.content, list):
            inside = enumerate(self.content)
        for step, part in inside:
            yield from (((step, *location), each) for location, each in part.parts)

    @property
    def plain(self) -> object:
        """The value as a config has it. The protocol has one type of number."""
        content = self.content
        if isinstance(content, Mapping):
            return {name: member.plain for name, member in content.items() if member.content is not None}
        if isinstance(content, list):
            return [element.plain for element in content]
        return int(content) if isinstance(content, float) and content.is_integer() else content


def decode(properties: Struct) -> dict[str, Value]:
    """Arguments as the engine sends them."""
    return {name: _decoded(value) for name, value in properties.fields.items()}


def _decoded(value: EncodedValue) -> Value:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _decoded_struct(value.struct_value)
        case "list_value":
            return Value(content=[_decoded(element) for element in value.list_value.values])
        case "string_value":
            return Value(content=Unknown() if is_unknown(value.string_value) else value.string_value)
        case "number_value":
            return Value(content=value.number_value)
        case "bool_value":
            return Value(content=value.bool_value)
    return Value(content=None)


def _decoded_struct(struct: Struct) -> Value:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else None
    if signature is None:
        return Value(content=decode(struct))
    if signature == SECRET_SIGNATURE:
        return Value(content=_decoded(fields["value"]).content, secret=True)
    if signature == OUTPUT_SIGNATURE:
        inner = _decoded(fields["value"]) if "value" in fields else Value(content=Unknown())
        secret = "secret" in fields and fields["secret"].bool_value
        return Value(content=inner.content, secret=secret or inner.secret)
    return Value(content={})  # an asset, an archive or a resource: no argument has one
