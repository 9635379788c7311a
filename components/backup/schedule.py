"""Times in the syntax of cron, as far as a CronJob takes it."""

import re
from collections.abc import Sequence
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

# Kubernetes reads schedules with ParseStandard of github.com/robfig/cron: five fields, Sunday is 0 and never 7, `?` is
# `*`, names have three letters, a step may follow a single value. https://github.com/robfig/cron/blob/v3.0.1/parser.go
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_PART = re.compile(r"(?:[*?]|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
_ZONE = re.compile(r"[A-Za-z][\w+-]*(?:/[\w+-]+)*")


def cron_error(text: str) -> str | None:
    """The error in a schedule; None if it is valid."""
    if text in _DESCRIPTORS:
        return None
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"{len(fields)} fields"
    for field, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, least, most, names) for part in field.split(",")):
            return f"{name}: {field}"
    return None


def _is_part(text: str, least: int, most: int, names: Sequence[str]) -> bool:
    part = _PART.fullmatch(text)
    if not part or (part["step"] is not None and int(part["step"]) == 0):
        return False
    if part["first"] is None:
        return True
    first = _number(part["first"], least, names)
    last = first if part["last"] is None else _number(part["last"], least, names)
    return first is not None and last is not None and least <= first <= last <= most


def _number(text: str, least: int, names: Sequence[str]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower()) + least
    return int(text) if text.isascii() and text.isdigit() else None


def _schedule(text: str) -> str:
    error = cron_error(text)
    if error is None:
        return text
    raise PydanticCustomError(
        "cron_schedule",
        "not a schedule of cron ({error})",
        {
            "error": error,
            "allowed": "minute, hour, day of the month, month, day of the week (0 is Sunday), or @daily, @hourly ...",
            "example": "'30 2 * * *'",
        },
    )


def _time_zone(text: str) -> str:
    # Kubernetes refuses `Local`. A machine without a time zone database leaves the name to the API server.
    known = available_timezones()
    if _ZONE.fullmatch(text) and text.lower() != "local" and (not known or text in known):
        return text
    raise PydanticCustomError(
        "time_zone",
        "not a time zone",
        {"allowed": "a name of the IANA time zone database", "example": "Europe/Berlin"},
    )


CronSchedule = Annotated[str, AfterValidator(_schedule), Field(examples=["30 2 * * *"])]
"""When a CronJob runs."""

TimeZone = Annotated[str, AfterValidator(_time_zone), Field(examples=["Europe/Berlin"])]
"""A time zone by its name."""
