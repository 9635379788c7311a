"""The properties that differ between two objects, as lines without secrets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from pulumi_values.special import SECRET, is_unknown

from ..redaction import AFTER_UPDATE, redact, shown
from .changes import Change

_ABSENT = object()
_MOST_TEXT_LINES = 20
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property. Neither text contains a secret."""

    path: str
    before: str | None
    """None when the property is new."""

    after: str | None
    """None when the property is removed."""

    lines: tuple[str, ...] = ()
    """For a text of several lines: its own diff."""


def differences(change: Change) -> list[Difference]:
    """The properties that differ between before and after, leaf by leaf.

    Lists of named elements are compared by name. Differences that only the provider sees are listed, too: a changed
    secret, or a value that is not known yet.
    """
    listed = list(_walk(change.before, change.after, "", "", False, change.secret_properties))
    paths = [difference.path for difference in listed]
    for path in change.paths:
        if not any(_same_place(path, other) for other in paths):
            secret = path.partition(".")[0].partition("[")[0] in change.secret_properties
            text = SECRET if secret else f"({AFTER_UPDATE})"
            listed.append(Difference(path=path, before=SECRET if secret else None, after=text))
    return _without_secret_pairs(listed)


def _same_place(path: str, other: str) -> bool:
    # The provider numbers list elements, here they have names: only the part before the first bracket is comparable.
    plain, named = path.partition("[")[0], other.partition("[")[0]
    return plain.startswith(named) or named.startswith(plain)


def _without_secret_pairs(listed: list[Difference]) -> list[Difference]:
    """The provider keeps `stringData` of a Secret as `data`: one line says that the contents change."""
    secret = [d for d in listed if d.path.partition(".")[0] in ("data", "stringData") and SECRET in (d.before, d.after)]
    if len(secret) < 2:
        return listed
    others = [difference for difference in listed if difference not in secret]
    return [*others, Difference(path="data", before=SECRET, after=SECRET)]


def _walk(
    before: Any, after: Any, path: str, name: str, secret: bool, secret_names: frozenset[str]
) -> Iterator[Difference]:
    if before == after:
        return
    if SECRET in (before, after) or name == _LAST_APPLIED:
        # A value that is secret on one side is secret on the other. The annotation of `kubectl apply` contains the
        # whole object, including the values of a Secret.
        yield Difference(path=path, before=_secret(before), after=_secret(after))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            hidden = secret or (not path and key in secret_names)
            inside = f"{path}.{key}" if path else str(key)
            yield from _walk(before.get(key, _ABSENT), after.get(key, _ABSENT), inside, key, hidden, secret_names)
    elif (pairs := _pairs(before, after)) is not None:
        for key, old, new in pairs:
            # The name of an environment variable is the name of its element.
            element = str(key) if isinstance(key, str) else name
            yield from _element(old, new, f"{path}[{key}]", element, secret)
    else:
        yield from _leaves(before, after, path, name, secret)


def _element(old: Any, new: Any, path: str, name: str, secret: bool) -> Iterator[Difference]:
    variable = all(
        part is _ABSENT or (isinstance(part, Mapping) and set(part) <= {"name", "value"}) for part in (old, new)
    )
    if variable and not (old is _ABSENT and new is _ABSENT):
        values = [part if part is _ABSENT else part.get("value", "") for part in (old, new)]
        yield from _walk(values[0], values[1], path, name, secret, frozenset())
    else:
        yield from _walk(old, new, path, name, secret, frozenset())


def _pairs(before: Any, after: Any) -> list[tuple[object, Any, Any]] | None:
    """The elements of two lists side by side: by name where all have one, else by position; None for other values."""
    lists = [part for part in (before, after) if part is not _ABSENT]
    if not all(isinstance(part, Sequence) and not isinstance(part, str) for part in lists) or len(lists) < 2:
        return None
    if all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for part in lists for item in part):
        old, new = ({item["name"]: item for item in part} for part in lists)
        return [(name, old.get(name, _ABSENT), new.get(name, _ABSENT)) for name in dict.fromkeys([*old, *new])]
    length = max(len(before), len(after))
    padded = [[*part, *[_ABSENT] * (length - len(part))] for part in (before, after)]
    return list(zip(range(length), *padded, strict=True))


def _leaves(before: Any, after: Any, path: str, name: str, secret: bool) -> Iterator[Difference]:
    """One side is missing or the types differ: the leaves of the old value, then those of the new one."""
    if _is_text(before) and _is_text(after) and not secret:
        yield Difference(path=path, before="", after="", lines=_text_diff(before, after))
        return
    simple = [part is _ABSENT or not isinstance(part, Mapping | list) or not part for part in (before, after)]
    if all(simple):
        yield Difference(path=path, before=_text(before, name, secret), after=_text(after, name, secret))
        return
    for value, gone in ((before, True), (after, False)):
        for leaf, text in _flat(value, path, name, secret):
            yield Difference(path=leaf, before=text if gone else None, after=None if gone else text)


def _flat(value: Any, path: str, name: str, secret: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        named = value.get("name") if set(value) == {"name", "value"} else None
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}", str(named) if named and key == "value" else str(key), secret)
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _flat(part, f"{path}[{index}]", name, secret)
    elif value is not _ABSENT:
        yield path, shown(value, name=name, secret=secret or name == _LAST_APPLIED)


def _secret(value: Any) -> str | None:
    return None if value is _ABSENT else SECRET


def _text(value: Any, name: str, secret: bool) -> str | None:
    return None if value is _ABSENT else shown(value, name=name, secret=secret)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value and not is_unknown(value)


def _text_diff(before: str, after: str) -> tuple[str, ...]:
    """The lines that differ, without context; at most the first ``_MOST_TEXT_LINES``."""
    lines = [
        redact(line)
        for line in unified_diff(redact(before).splitlines(), redact(after).splitlines(), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    more = len(lines) - _MOST_TEXT_LINES
    return (*lines[:_MOST_TEXT_LINES], *((f"  … and {more} lines more",) if more > 0 else ()))
