"""The rules of `existingSecrets`: which secrets a Secret that exists may hold."""

from collections.abc import Collection, Iterator, Mapping

from components.blocks.base_settings import Fix, Problem
from components.blocks.secret_reference import SecretReference
from components.open_webui.secret_variables import REFERENCES_ONLY, secret_variable_error
from pulumi_values import property_paths

EXISTING_SECRETS = "existingSecrets"


def reference_problems(
    references: Mapping[str, SecretReference], secret_keys: Collection[str], rotation: int
) -> Iterator[Problem]:
    """Names that are not a secret of the stack, and a rotation of nothing.

    Args:
        references: `existingSecrets`.
        secret_keys: the secret config keys of the stack.
        rotation: `rotate.existingSecrets`.
    """
    for name in references:
        if name in secret_keys or name in REFERENCES_ONLY:
            continue
        if error := secret_variable_error(name, None):
            message, allowed = error
            yield Problem(keys=(reference_path(name),), message=message, allowed=allowed, fix=Fix.REMOVE)
    if rotation > 1 and not references:
        yield Problem(
            keys=("rotate.existingSecrets", EXISTING_SECRETS),
            message=f"rotate.existingSecrets {rotation} without {EXISTING_SECRETS}: no pod reads such a Secret",
            allowed=f"1, or {EXISTING_SECRETS}",
            fix=Fix.REMOVE,
        )


def reference_path(name: str) -> str:
    """Path of a reference, as the user writes it."""
    return property_paths.render([EXISTING_SECRETS, name])
