"""Kubernetes' own objects as values of config keys, checked field by field against the types of the Kubernetes SDK.

An affinity or a volume has too many fields to repeat in a settings model. The SDK has all of them, generated from the
API's OpenAPI description, so the preview refuses a misspelled field before the API server does.
"""

import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_REFERENCE = "https://kubernetes.io/docs/reference/kubernetes-api/"
OF_KUBERNETES = ("object of Kubernetes", "objects of Kubernetes")
"""First words of the type of a key whose value is an object of the API, or a list of them."""

_SCALARS: Mapping[type, str] = {str: "a string", int: "an integer", bool: "true or false", float: "a number"}


@dataclass(frozen=True, kw_only=True)
class KubernetesType:
    """Marks a field of a settings model whose value is an object of the Kubernetes API, or a list of them::

    affinity: Annotated[dict[str, Any] | None, KubernetesType(name="Affinity")] = None
    tolerations: Annotated[list[dict[str, Any]], KubernetesType(name="Toleration", many=True)] = []
    """

    name: str
    """Type in ``core/v1``: ``Affinity``."""

    many: bool = False
    """Whether the value is a list of these objects."""

    @property
    def type_name(self) -> str:
        """The type of the key, as the docs and the config report name it."""
        one, several = OF_KUBERNETES
        return f"{several if self.many else one} ({self.name})"

    def errors(self, value: object) -> Iterator[str]:
        """The errors that the API server would report for the value, each with its path."""
        if self.many:
            yield from _list_errors(value, _arguments_of(self.name), "")
        else:
            yield from _errors(value, _arguments_of(self.name), "")

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        each = {"type": "object"}
        return {"type": "array", "items": each} if self.many else {"anyOf": [each, {"type": "null"}]}

    def _checked(self, value: object) -> object:
        if value is None and not self.many:
            return None
        if errors := list(self.errors(value)):
            raise PydanticCustomError(
                "kubernetes_object",
                "not {type}: {errors}",
                {
                    "type": self.type_name,
                    "errors": "; ".join(errors),
                    "allowed": f"the fields of {self.name}: {_REFERENCE}",
                    "hide": True,
                },
            )
        return value


def _errors(value: object, expected: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(expected)
    if typing.is_typeddict(expected):
        yield from _object_errors(value, expected, path)
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        yield from _list_errors(value, typing.get_args(expected)[0], path)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from _map_errors(value, typing.get_args(expected)[1], path)
    elif alternatives := _alternatives(expected):
        # One alternative of a union, such as `int | str`, must match.
        reasons = [list(_errors(value, each, path)) for each in alternatives]
        yield from min(reasons, key=len)
    elif expected in _SCALARS and type(value) is not expected:
        yield f"{path or 'it'} is not {_SCALARS[expected]}"


def _alternatives(expected: Any) -> tuple[Any, ...]:
    """The plain types of an input, which may also be an output or an awaitable."""
    if typing.get_origin(expected) is not typing.Union:
        return ()
    return tuple(each for each in typing.get_args(expected) if _is_plain(each))


def _is_plain(each: Any) -> bool:
    origin = typing.get_origin(each)
    if isinstance(origin, type):
        return issubclass(origin, Sequence | Mapping)
    return each in _SCALARS or typing.is_typeddict(each)


def _object_errors(value: object, expected: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'it'} is not an object"
        return
    fields = _fields(expected)
    prefix = f"{path}." if path else ""
    for name in fields:
        if name in expected.__required_keys__ and fields[name].key not in value:
            yield f"{prefix}{fields[name].key} is missing"
    known = {field.key: field.type for field in fields.values()}
    for name, member in value.items():
        if name in known:
            yield from _errors(member, known[name], f"{prefix}{name}")
        else:
            yield f"{prefix}{name} is not a field of {expected.__name__.removesuffix('ArgsDict')}"


def _list_errors(value: object, element: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path or 'it'} is not a list"
        return
    for index, each in enumerate(value):
        yield from _errors(each, element, f"{path}[{index}]")


def _map_errors(value: object, member: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'it'} is not an object"
        return
    for name, each in value.items():
        yield from _errors(each, member, f"{path}.{name}")


@dataclass(frozen=True)
class _Field:
    key: str
    """Name in the API: ``nodeAffinity``."""

    type: Any


def _arguments_of(name: str) -> Any:
    # Imported here, because reading settings must not import the SDK unless a key needs it.
    from pulumi_kubernetes.core import v1

    return getattr(v1, f"{name}ArgsDict")


@cache
def _fields(arguments: Any) -> Mapping[str, _Field]:
    """The fields of a type of the SDK, by their names in Python."""
    import pulumi
    from pulumi._types import input_type_py_to_pulumi_names

    module = sys.modules[arguments.__module__]
    # `pulumi.Input` is a union that names these three as text.
    names = {"Awaitable": typing.Awaitable, "Output": pulumi.Output, "T": Any}
    hints = typing.get_type_hints(arguments, vars(module), names)
    keys = input_type_py_to_pulumi_names(getattr(module, arguments.__name__.removesuffix("Dict")))
    return {name: _Field(keys.get(name, name), hint) for name, hint in hints.items()}
