"""Keys and values of labels and annotations, as field types whose errors name the fix."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from .credentials import has_credentials
from .names import Text, is_dns_name

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set, and the same for
# annotations.
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def is_metadata_name(name: str) -> bool:
    """Whether it can be the key of a label or annotation: a name, after an optional DNS name and a slash."""
    prefix, slash, rest = name.rpartition("/")
    return _NAME.fullmatch(rest) is not None and (not slash or is_dns_name(prefix))


def _metadata_name(name: str) -> str:
    if is_metadata_name(name):
        return name
    raise PydanticCustomError(
        "metadata_name",
        "not a key of a label or an annotation",
        {"allowed": "prefix/name: letters, digits, '-', '_' and '.', not at the ends", "of_name": True},
    )


def _label_value(text: str) -> str:
    if not text or _NAME.fullmatch(text):
        return text
    raise PydanticCustomError(
        "label_value",
        "not a value of a label",
        {"allowed": "at most 63 letters, digits, '-', '_' and '.', not at the ends", "example": "value"},
    )


def _public_text(text: str) -> str:
    if not has_credentials(text):
        return text
    raise PydanticCustomError(
        "secret_in_url",
        "a URL with credentials is a secret in plain text",
        {"allowed": "a URL without user and password", "hide": True},
    )


MetadataName = Annotated[str, AfterValidator(_metadata_name)]
"""Key of a label or annotation."""

LabelValue = Annotated[Text, AfterValidator(_label_value)]

PublicText = Annotated[Text, AfterValidator(_public_text)]
"""A text that is visible to every user who may read the object."""
