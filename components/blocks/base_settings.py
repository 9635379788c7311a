"""The base of every settings model: strict, frozen, with camelCase keys and one report of all cross-field problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

CROSS_FIELD = "cross_field"


class Fix(Enum):
    """A fix that needs no value in the report."""

    REMOVE = auto()
    """Remove the key."""

    SET_SECRET = auto()
    """Set the key as a secret. The CLI asks for the value."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Values that are valid individually, but not together."""

    keys: tuple[str, ...]
    """The keys involved, as the user writes them, relative to the model. The first is the one to change."""

    message: str
    """The error and its consequence, with the values."""

    allowed: str
    """The values that are allowed."""

    fix: str | Fix
    """A value for the first key, or the fix without a value."""


class Settings(BaseModel):
    """Plain values, free of Pulumi. The preview refuses a wrong key, before a container starts."""

    # Strict: "yes" is not a boolean and 2.5 is not a replica count. A guess here becomes an outage later.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
    )

    def problems(self) -> Iterator[Problem]:
        """Cross-field rules of this model. A model with such rules overrides this method."""
        yield from ()

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Self:
        if problems := list(self.problems()):
            raise PydanticCustomError(
                CROSS_FIELD,
                "{text}",
                {"text": "; ".join(problem.message for problem in problems), "problems": problems},
            )
        return self
