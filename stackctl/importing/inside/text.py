"""A value of SQLite as the text that PostgreSQL prints for it.

Open WebUI stores the same value in both: JSON as text, times as integers, booleans as 0 and 1 in SQLite. Text is
compared and copied, so that JSON keeps its keys, numbers and nulls (open_webui/internal/db.py, release 0.12.4).
"""

import json
import re

Value = str | int | float | bytes | None
Row = tuple[str | None, ...]

_INTEGERS = ("smallint", "integer", "bigint")
_JSON = ("json", "jsonb")
_BOOLEANS = {"0": "f", "1": "t", "false": "f", "true": "t"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?")


class ConversionError(ValueError):
    """The value does not fit the column. The message quotes no value: it may be somebody's text."""


def text_of(value: Value, column: str, column_type: str) -> str | None:
    """The text of a value in a column of PostgreSQL.

    Args:
        value: as `sqlite3` returns it.
        column: name of the column, for the message.
        column_type: name of the column's type in PostgreSQL, as `format_type` prints it.

    Raises:
        ConversionError: the value does not fit.
    """
    if value is None:
        return None
    try:
        if isinstance(value, bytes):
            raise ValueError
        if column_type == "boolean":
            return _BOOLEANS[str(value).lower()]
        if column_type in _INTEGERS:
            return _integer(value)
        if column_type.startswith("timestamp"):
            return _time(value)
    except (ValueError, OverflowError, KeyError):
        raise ConversionError(f"the value of {column} does not fit the type {column_type}") from None
    if column_type in _JSON:
        # SQLite stores a JSON number as a number: the column has numeric affinity.
        return value if isinstance(value, str) else json.dumps(value)
    # PostgreSQL stores every character but NUL. Open WebUI removes it, too (`sanitize_text_for_db`).
    return str(value).replace("\0", "")


def _integer(value: str | float) -> str:
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError
    return str(number)


def _time(value: str | float) -> str:
    time = _TIME.fullmatch(str(value))
    if not time:
        raise ValueError
    fraction = (time[3] or "").rstrip("0").rstrip(".")
    return f"{time[1]} {time[2]}{fraction}"
