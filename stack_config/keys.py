"""Every config key of the stack, derived from the settings models, for the error report and the docs."""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from components.blocks.kubernetes_types import OF_KUBERNETES, KubernetesType
from components.blocks.quantities import Bytes, Cores, RedisMemory
from components.blocks.resources import Sizes
from components.open_webui.variables import is_secret_variable
from pulumi_values import property_paths

from .secret_keys import SECRET_KEYS, SECRET_MAPS
from .settings import StackSettings

NAME, ELEMENT = "<name>", "[]"
"""What a path has in the place of a name that the user chose, and of the index of an element."""

_SCALARS = {str: "string", int: "integer", bool: "boolean"}
# Types that a function validates: the annotation does not name the accepted values.
_NAMED = {Cores: "quantity", Bytes: "quantity", RedisMemory: "memory size"}


@dataclass(frozen=True, kw_only=True)
class ConfigKey:
    """A config key as the user writes it."""

    path: str
    """Dotted, camelCase: ``redis.resources.limits.memory``. A member of a map of objects has `NAME` in it, that of a
    list of objects `ELEMENT`."""

    type: str
    """Type of the value: ``integer``, ``boolean``, ``string``, ``a | b`` ..."""

    default: object
    """The value if the key is not set; None if there is no default."""

    description: str
    is_object: bool
    """Whether the key contains other keys."""

    required: bool = False
    """Whether the object that contains the key needs it."""

    minimum: int | None = None
    maximum: int | None = None
    shortest: int | None = None
    longest: int | None = None
    example: str | None = None

    @property
    def choices(self) -> list[str]:
        """The allowed values of an enumeration, else empty."""
        return self.type.split(" | ") if " | " in self.type else []

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return self.type.startswith("list")

    @property
    def is_map(self) -> bool:
        """Whether the value contains objects under names that the user chooses."""
        return self.type == _MAP

    @property
    def is_of_kubernetes(self) -> bool:
        """Whether the value is an object of the Kubernetes API, or a list of them."""
        return self.type.startswith(OF_KUBERNETES)

    @property
    def allowed(self) -> str:
        """The allowed values, as an error message names them."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.type} from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f"{self.type}, at least {self.minimum}"
        if self.longest is not None:
            return f"{self.type} of {self.shortest or 0} to {self.longest} characters"
        return self.type

    @property
    def suggestion(self) -> str:
        """A valid value: the default, else an example, else the minimum."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, str | int) and self.default != "":
            return str(self.default)
        return self.example or (str(self.minimum) if self.minimum is not None else "")


_MAP = "map of objects"


def _alternatives(annotation: object) -> tuple[object, ...]:
    # `Annotated[...] | None` is a typing.Union, `int | None` a types.UnionType.
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(part for part in typing.get_args(annotation) if part is not type(None))
    return (annotation,)


def _model_of(annotation: object) -> type[BaseModel] | None:
    for candidate in _alternatives(annotation):
        if typing.get_origin(candidate) is typing.Annotated:
            _, *metadata = typing.get_args(candidate)
            return next((each.model for each in metadata if isinstance(each, Sizes)), None)
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _element_model(annotation: object) -> type[BaseModel] | None:
    """The model of the elements of a map or a list of objects."""
    for candidate in _alternatives(annotation):
        if typing.get_origin(candidate) in (dict, list):
            return _model_of(typing.get_args(candidate)[-1])
    return None


def _type_name(annotation: object) -> str:
    alternatives = _alternatives(annotation)
    if alternatives != (annotation,):
        return " | ".join(_type_name(part) for part in alternatives)
    if annotation in _NAMED:
        return _NAMED[annotation]
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        for each in annotation.__metadata__:  # type: ignore[attr-defined]
            if isinstance(each, KubernetesType):
                return each.type_name
        return _type_name(typing.get_args(annotation)[0])
    if origin is typing.Literal:
        return " | ".join(str(value) for value in typing.get_args(annotation))
    if origin is dict:
        return _MAP if _element_model(annotation) else "object of strings"
    if origin is list:
        return "list of objects" if _element_model(annotation) else "list of strings"
    if _model_of(annotation):
        return "object"
    return _SCALARS[typing.cast(type, annotation)]


_BOUNDS = {
    annotated_types.Ge: "ge",
    annotated_types.Le: "le",
    annotated_types.MinLen: "min_length",
    annotated_types.MaxLen: "max_length",
}


def _bound(field: FieldInfo, kind: type) -> int | None:
    for constraint in field.metadata:
        if isinstance(constraint, kind):
            return typing.cast(int, getattr(constraint, _BOUNDS[kind]))
    return None


def _example(field: FieldInfo, annotation: object) -> str | None:
    if field.examples:
        return str(field.examples[0])
    for part in typing.get_args(annotation):
        if isinstance(part, FieldInfo) and part.examples:
            return str(part.examples[0])
        if example := _example(field, part) if typing.get_args(part) else None:
            return example
    return None


def _key(path: str, field: FieldInfo, annotation: object) -> ConfigKey:
    is_object = bool(_model_of(annotation) or _element_model(annotation))
    return ConfigKey(
        path=path,
        type=_type_name(annotation),
        default=None if is_object or field.default is PydanticUndefined else field.default,
        description=field.description or "",
        is_object=is_object,
        required=field.is_required(),
        minimum=_bound(field, annotated_types.Ge),
        maximum=_bound(field, annotated_types.Le),
        shortest=_bound(field, annotated_types.MinLen),
        longest=_bound(field, annotated_types.MaxLen),
        example=_example(field, annotation),
    )


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[ConfigKey]:
    """Every key of a model; parents come before their members.

    Args:
        model: the settings.
        prefix: path of the object, with a dot at its end.
    """
    annotations = typing.get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        annotation = annotations[name]
        key = _key(f"{prefix}{field.alias or name}", field, annotation)
        yield key
        if nested := _model_of(annotation):
            yield from keys_of(nested, f"{key.path}.")
        elif element := _element_model(annotation):
            path = f"{key.path}.{NAME}" if key.is_map else f"{key.path}{ELEMENT}"
            yield ConfigKey(path=path, type="object", default=None, description=key.description, is_object=True)
            yield from keys_of(element, f"{path}.")


@cache
def config_keys() -> Mapping[str, ConfigKey]:
    """Every key that is not a secret, by its path; parents come before their members."""
    return {key.path: key for key in keys_of(StackSettings)}


def pattern_of(location: Iterable[str | int]) -> str:
    """The path under which `config_keys` has what is at the location, if it has it: `NAME` for a chosen name."""
    path = ""
    for step in location:
        parent = config_keys().get(path)
        if isinstance(step, int):
            path += ELEMENT
        elif parent and parent.is_map:
            path += f".{NAME}"
        else:
            path = _joined(path, step)
    return path


def key_at(location: Iterable[str | int]) -> ConfigKey | None:
    """The key that a location in the config belongs to; None for one that the stack does not have."""
    return config_keys().get(pattern_of(location))


def _joined(path: str, step: str) -> str:
    if not path:
        return step
    # A name with a dot in it is not a path of two keys.
    return f"{path}{property_paths.render([step])}" if "." in step else f"{path}.{step}"


def is_secret_key(key: str) -> bool:
    """Whether the key holds secrets: one of `SECRET_KEYS` or `SECRET_MAPS`, or a secret variable of Open WebUI."""
    return key in SECRET_KEYS or key in SECRET_MAPS or is_secret_variable(key)


def all_paths() -> list[str]:
    """Every path that a user may set, secrets included."""
    return [*config_keys(), *SECRET_KEYS, *SECRET_MAPS]
