"""The parts of the output of `pulumi preview --json` that the gate needs.

Source: `PreviewDigest` in sdk/go/common/display/json.go and `ResourceV3` in sdk/go/common/apitype/core.go of pulumi
3.259.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from pulumi_values.special import is_hidden, without_secrets


class PreviewError(Exception):
    """A text is not a preview. The message says why, and never quotes the text."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class State(_Model):
    """A resource before or after the step."""

    custom: bool = False
    """Whether a provider manages it; no provider manages components and the stack."""

    inputs: dict[str, Any] = {}
    """The inputs that the program sets. A secret is `special.SECRET`, an unknown one of `special.UNKNOWNS`."""

    parent: str = ""
    """URN of the component that it is part of."""

    protect: bool = False
    """Whether the engine refuses to delete it."""

    retain_on_delete: bool = False
    """Whether the object stays when the resource is deleted."""

    additional_secret_outputs: list[str] = []
    """Properties that are always secret."""

    @field_validator("inputs", mode="before")
    @classmethod
    def _hidden(cls, value: object) -> object:
        # A preview does not contain secret signatures; an edited file may.
        return without_secrets(value)


class Step(_Model):
    """One operation on one resource."""

    op: str
    urn: str
    old_state: State | None = None
    new_state: State | None = None
    replace_reasons: list[str] = []
    """Properties whose change replaces the resource."""

    diff_reasons: list[str] = []
    """Properties that change."""

    detailed_diff: dict[str, Any] = {}
    """Paths of the properties that change."""

    @field_validator("replace_reasons", "diff_reasons", "detailed_diff", mode="before")
    @classmethod
    def _absent(cls, value: object, info: Any) -> object:
        return value if value is not None else {} if info.field_name == "detailed_diff" else []


class Diagnostic(_Model):
    """A message of the engine, a provider or the program."""

    message: str = ""
    severity: str = ""
    urn: str = ""


class Preview(_Model):
    """One preview of one stack."""

    steps: list[Step] = []
    diagnostics: list[Diagnostic] = []
    change_summary: dict[str, int] = Field(default_factory=dict)
    """Number of resources by operation, including those that ``steps`` leaves out."""

    @property
    def errors(self) -> list[str]:
        """Messages of its errors. A preview with errors has failed, and its steps are incomplete."""
        messages = [
            diagnostic.message.strip().removeprefix("error: ").removeprefix("Preview failed: ")
            for diagnostic in self.diagnostics
            if diagnostic.severity == "error"
        ]
        # The other messages already show that it failed.
        return [message for message in messages if message != "preview failed"] or messages


def parse(text: str) -> Preview:
    """Read a preview.

    Raises:
        PreviewError: the text is not a preview.
    """
    if not text.strip():
        raise PreviewError("it is empty")
    try:
        preview = Preview.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PreviewError(f"it is not what `pulumi preview --json` prints ({where}: {first['msg']})") from None
    if not preview.steps and not preview.diagnostics:
        raise PreviewError("it has neither steps nor messages: it is not what `pulumi preview --json` prints")
    return preview


def at(value: object, *path: str) -> Any:
    """The value at a path of mappings; None where there is no value, or where it is secret or unknown."""
    member = _raw(value, *path)
    return None if is_hidden(member) else member


def known(value: object, *path: str) -> bool:
    """Whether `at` returns the real value: neither it nor a mapping on its path is secret or unknown."""
    return not any(is_hidden(_raw(value, *path[:length])) for length in range(len(path) + 1))


def _raw(value: object, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
