"""Schedules in the syntax of cron that a CronJob accepts."""

import datetime
import itertools
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
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# Two leap years: a schedule may name February 29.
_FIRST_DAY, _DAYS_LOOKED_AT = datetime.date(2028, 1, 1), 4 * 365 + 2
_LATEST_SECONDS = 2 * 3600
"""How much later than its schedule a backup may end before an alert fires, in seconds; at most one pause."""

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


def longest_pause(text: str) -> int:
    """The longest time between two runs of a valid schedule, in seconds. Clock changes are ignored."""
    fields = _DESCRIPTORS.get(text, text).split()
    minutes, hours, days, months, weekdays = (
        _values(field, least, most, names) for field, (_, least, most, names) in zip(fields, _FIELDS, strict=True)
    )
    in_a_day = sorted(60 * hour + minute for hour in hours for minute in minutes)
    # A day matches either of the two fields if both of them say which: https://pkg.go.dev/github.com/robfig/cron/v3
    either = not any(field.startswith(("*", "?")) for field in (fields[2], fields[4]))
    runs: list[int] = []
    for number in range(_DAYS_LOOKED_AT):
        date = _FIRST_DAY + datetime.timedelta(days=number)
        matches = (date.day in days, date.isoweekday() % 7 in weekdays)
        if date.month in months and (any(matches) if either else all(matches)):
            runs += (1440 * number + minute for minute in in_a_day)
    pauses = [later - earlier for earlier, later in itertools.pairwise(runs)]
    return 60 * max(pauses, default=1440 * _DAYS_LOOKED_AT)


def oldest_backup(text: str) -> int:
    """The age at which the newest backup of a valid schedule is too old, in seconds: a run takes some time, and may
    begin late."""
    pause = longest_pause(text)
    return pause + min(pause, _LATEST_SECONDS)


def _values(field: str, least: int, most: int, names: Sequence[str]) -> set[int]:
    """The values that a valid field names."""
    return {value for text in field.split(",") for value in _part_values(text, least, most, names)}


def _part_values(text: str, least: int, most: int, names: Sequence[str]) -> range:
    part = _PART.fullmatch(text)
    assert part
    if part["first"] is None:
        first, last = least, most
    else:
        first = _number(part["first"], least, names) or 0
        # A single value with a step extends to the end of the range.
        single = most if part["step"] else first
        last = single if part["last"] is None else _number(part["last"], least, names) or 0
    return range(first, last + 1, int(part["step"] or 1))


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
