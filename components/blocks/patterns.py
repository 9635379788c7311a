"""Texts that must match a pattern, with errors that name the fix."""

import re

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def matching(pattern: re.Pattern[str], kind: str, message: str, *, allowed: str, example: str) -> AfterValidator:
    """Validator of a field: the whole text matches the pattern.

    Args:
        pattern: pattern of the valid texts.
        kind: type of the error.
        message: the error, such as ``not a duration``.
        allowed: the texts that are allowed, for the report.
        example: a text that matches.
    """

    def matched(text: str) -> str:
        if pattern.fullmatch(text):
            return text
        raise PydanticCustomError(kind, message, {"allowed": allowed, "example": example})

    return AfterValidator(matched)
