"""Property paths such as ``spec.ports[0].port``: in the diffs of a preview, and in `pulumi config set --path`.

Source: ParsePropertyPath in sdk/go/common/resource/properties_path.go of pulumi 3.259.
"""

import re
from collections.abc import Iterable

Step = str | int
"""A key of an object, or an index of a list."""

_STEP = re.compile(
    r"""
    (?: ^ | (?<!^)\. ) (?P<name> [^.\[]+ )
    | (?: (?<!^)\. )? \[ (?P<index> \d+ ) \]
    # A backslash escapes a quotation mark and nothing else.
    | (?: (?<!^)\. )? \[" (?P<quoted> (?: \\" | \\(?!") | [^"\\] )* ) "\]
    """,
    re.VERBOSE,
)


def parse(path: str) -> list[Step]:
    """The steps of a path.

    Raises:
        ValueError: it is not a property path.
    """
    matches = list(_STEP.finditer(path))
    if not matches or "".join(match[0] for match in matches) != path:
        raise ValueError(f"{path!r} is not a property path")
    return [_step(match) for match in matches]


def render(steps: Iterable[Step]) -> str:
    """The path of these steps, as Pulumi writes it."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not step or any(character in step for character in '."[]'):
            text += '["{}"]'.format(step.replace('"', '\\"'))
        else:
            text += f".{step}" if text else step
    return text


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    return match["name"] if match["name"] is not None else match["quoted"].replace('\\"', '"')
