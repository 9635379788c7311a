"""Config sections that belong to one topology and are refused with the other topologies."""

from collections.abc import Collection, Iterable, Iterator
from typing import ClassVar, Protocol

from pydantic.alias_generators import to_camel

from .base_settings import Fix, Problem

KEY = "topology"
"""The config key, as messages name it."""


class HasSection(Protocol):
    """A topology."""

    name: ClassVar[str]
    """Value of the config key."""

    unused_section: ClassVar[str]
    """Why the config section of the same name has no effect without it. Empty: there is no such section."""


def section_problems(
    topology: str, topologies: Iterable[type[HasSection]], fields_set: Collection[str]
) -> Iterator[Problem]:
    """Problems of the sections of other topologies.

    Args:
        topology: the one in use.
        topologies: all of them.
        fields_set: fields of the component's settings that the user has set.
    """
    for other in topologies:
        field = other.name.replace("-", "_")
        if other.name == topology or field not in fields_set:
            continue
        key = to_camel(field)
        yield Problem(
            keys=(key, KEY),
            message=f"{key} is set, but {KEY} is {topology}: {other.unused_section}",
            allowed=f"{KEY}: {other.name}, or no {key}",
            fix=Fix.REMOVE,
        )
