"""What `pulumi preview --json` prints, as far as it is needed here.

Source: `PreviewDigest` in sdk/go/common/display/json.go and `ResourceV3` in sdk/go/common/apitype/core.go of pulumi
3.259.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel


class PreviewError(Exception):
    """A text is no preview. The message says what it is instead, and holds nothing of it."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class State(_Model):
    """A resource before or after the step."""

    custom: bool = False
    """Whether a provider manages it; components and the stack are not."""

    inputs: dict[str, Any] = {}
    """What the program asks for. A secret is the text ``[secret]``, an unknown one of `UNKNOWN`."""

    parent: str = ""
    """URN of the component that it is part of."""

    protect: bool = False
    """Whether the engine refuses to delete it."""

    retain_on_delete: bool = False
    """Whether the object stays when the resource is deleted."""

    additional_secret_outputs: list[str] = []
    """Properties that the provider keeps secret whatever the program says."""

    @field_validator("inputs", mode="before")
    @classmethod
    def _hidden(cls, value: object) -> object:
        return _without_secrets(value)


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
    """Something that the engine, a provider or the program said."""

    message: str = ""
    severity: str = ""
    urn: str = ""


class Preview(_Model):
    """One preview of one stack."""

    steps: list[Step] = []
    diagnostics: list[Diagnostic] = []
    change_summary: dict[str, int] = Field(default_factory=dict)
    """Number of resources by operation, those included that ``steps`` leaves out."""

    @property
    def errors(self) -> list[str]:
        """Messages of its errors; a preview with any has failed, and its steps are not all that there are."""
        messages = [
            diagnostic.message.strip().removeprefix("error: ").removeprefix("Preview failed: ")
            for diagnostic in self.diagnostics
            if diagnostic.severity == "error"
        ]
        # That it failed is said by there being a message.
        return [message for message in messages if message != "preview failed"] or messages


SECRET = "[secret]"

# Key of what a state writes for a secret, beside its value: sdk/go/common/resource/sig. A preview has the text above
# instead; what has gone through other hands may not.
_SIGNATURE = "4dabf18193072939515e22adb298388d"

UNKNOWN = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""Values that are known only when the update runs. Source: sdk/go/common/resource/plugin/rpc.go."""


def parse(text: str) -> Preview:
    """Read a preview.

    Raises:
        PreviewError: it is none.
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
    """The value at a path of mappings; None where there is none, or where it is secret or unknown."""
    found = _raw(value, *path)
    return None if hidden(found) else found


def known(value: object, *path: str) -> bool:
    """Whether `at` tells all: nothing on the way to the value, nor the value, is secret or unknown."""
    return not any(hidden(_raw(value, *path[:length])) for length in range(len(path) + 1))


def hidden(value: object) -> bool:
    """Whether a value is secret, or known only when the update runs."""
    return isinstance(value, str) and (value == SECRET or value in UNKNOWN)


def _raw(value: object, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return SECRET if _SIGNATURE in value else {name: _without_secrets(part) for name, part in value.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, list) else value
