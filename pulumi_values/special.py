"""The values that stand for what a state encrypts and for what a preview cannot know.

Source: sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go of pulumi 3.259. The Python SDK has the same
constants in `pulumi.runtime.rpc`, whose import takes longer than most commands here.
"""

from collections.abc import Mapping
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of an object that is not plain data: a secret, an asset, a reference. Its value says which."""

SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
"""Value of `SIGNATURE` in a secret."""

OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
"""Value of `SIGNATURE` in an output: a value that may be secret or unknown, with its dependencies."""

SECRET = "[secret]"
"""Text that the engine prints in place of a secret, and so does this project."""

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWNS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""Texts that stand for values that are known only when the update runs, one for each type."""


def is_secret(value: object) -> bool:
    """Whether a value is a secret, as a state has it (an object with a signature) or as a preview shows it.

    An object with another signature counts as one: what the engine wraps as an output may be secret, too.
    """
    if isinstance(value, Mapping):
        return SIGNATURE in value
    return isinstance(value, str) and value == SECRET


def is_unknown(value: object) -> bool:
    """Whether a value is known only when the update runs."""
    return isinstance(value, str) and value in UNKNOWNS


def is_hidden(value: object) -> bool:
    """Whether a value is secret or unknown."""
    return is_secret(value) or is_unknown(value)


def contains_secret(value: object) -> bool:
    """Whether a value is a secret, or has one anywhere inside."""
    if isinstance(value, Mapping):
        return is_secret(value) or any(contains_secret(member) for member in value.values())
    return any(contains_secret(element) for element in value) if isinstance(value, list) else is_secret(value)


def without_secrets(value: Any) -> Any:
    """A copy of a value with `SECRET` in place of every secret."""
    if is_secret(value):
        return SECRET
    if isinstance(value, Mapping):
        return {name: without_secrets(member) for name, member in value.items()}
    return [without_secrets(element) for element in value] if isinstance(value, list) else value


def plain_secret(json_text: str) -> dict[str, str]:
    """A secret for a state that is imported. The engine encrypts it when it reads the state.

    Args:
        json_text: the value as JSON.
    """
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": json_text}
