"""A reference to a Secret that the stack does not own."""

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base_settings import Settings
from .names import ObjectName

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import EnvVarArgsDict

# https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data
_DATA_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")


def _data_key(text: str) -> str:
    if _DATA_KEY.fullmatch(text) and text not in (".", ".."):
        return text
    raise PydanticCustomError(
        "data_key",
        "not a key of a Secret",
        {"allowed": "1 to 253 letters, digits, '-', '_' and '.'", "example": "api-key"},
    )


DataKey = Annotated[str, AfterValidator(_data_key)]
"""A key in the data of a Secret."""


class SecretReference(Settings):
    """A key of a Secret that the stack does not own, in its namespace."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the stack.", examples=["llm-keys"])
    key: DataKey = Field(description="Key in the Secret.", examples=["api-key"])

    def variable(self, name: str) -> "EnvVarArgsDict":
        """An environment variable with the value."""
        return {"name": name, "value_from": {"secret_key_ref": {"name": self.name, "key": self.key}}}
