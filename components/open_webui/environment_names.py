"""Names of variables: which are valid, which name a secret."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from ..blocks import secret_names
from ..blocks.credentials import has_credentials
from .variables import variable_table

# Names that shells and containers accept: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def looks_secret(name: str) -> bool:
    """Whether the value of the variable or config key is a secret.

    The table of variables decides about the names in it, ``secret_names`` about all others.
    """
    variable = variable_table().get(name)
    if variable is not None and variable.is_secret is not None:
        return variable.is_secret
    return secret_names.is_secret_name(name)


def holds_secret(name: str, value: str) -> bool:
    """Whether a variable is a secret by its name or by its value. A boolean is not a secret:
    ``ENABLE_API_KEYS=true``."""
    return (looks_secret(name) and not secret_names.is_switch(value)) or has_credentials(value)


def is_variable_name(name: str) -> bool:
    """Whether an environment variable can have the name."""
    return _VARIABLE.fullmatch(name) is not None


def _variable_name(name: str) -> str:
    if is_variable_name(name):
        return name
    raise PydanticCustomError(
        "variable_name",
        "not a name of an environment variable",
        {"allowed": "letters, digits and '_', no digit at the start", "of_name": True},
    )


VariableName = Annotated[str, AfterValidator(_variable_name)]
