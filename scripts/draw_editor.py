"""`python -m scripts.draw_editor [--check]`: draws docs/data/editor.json as docs/images/editor.svg.

The data is what yaml-language-server answered (`tests/support/servers/editor_scenes.py`). Where the answers are is a
drawing, not the screen of an editor.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from stack_config.files import ROOT
from stack_config.generated_files import write_or_check
from stackctl.diagram import DiagramError

DATA = ROOT / "docs" / "data" / "editor.json"
IMAGE = ROOT / "docs" / "images" / "editor.svg"

_COLUMNS = 2
_WIDTH, _TITLE, _MARGIN, _PADDING = 452, 26, 16, 10
_ROW, _ROWS = 18, 15
_ABOVE = 2
"""Lines that are shown above the one that the scene is about."""
_NUMBERS = 34
_CHARACTER, _PROSE = 7.2, 6.4
"""Width of a character of the code and of other text, in pixels."""
_HEIGHT = _ROW * _ROWS + 2 * _PADDING

_STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.title { font-weight: 600; font-size: 13px }
.file, .number, .comment { fill: #57606a }
.number { text-anchor: end }
.key { fill: #0550ae }
.value { fill: #116329 }
.panel, .background, .popup { fill: #ffffff }
.panel, .popup { stroke: #afb8c1 }
.popup { fill: #f6f8fa }
.selected { fill: #ddf4ff }
.cursor { stroke: #1f2328; stroke-width: 1.5 }
.pointed { fill: #ddf4ff }
.wave { fill: none; stroke: #cf222e }
.error { fill: #cf222e }
"""
_YAML = re.compile(r"(?P<indent> *)(?:(?P<comment>#.*)|(?P<key>[^ #].*?:)(?: (?P<value>.*))?)$")

Scene = Mapping[str, Any]


def draw(scenes: list[Scene]) -> str:
    """The SVG of all scenes.

    Raises:
        DiagramError: a popup is longer than the panel.
    """
    rows = -(-len(scenes) // _COLUMNS)
    width = _COLUMNS * (_WIDTH + _MARGIN) + _MARGIN
    height = rows * (_TITLE + _HEIGHT + _MARGIN) + _MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        'aria-labelledby="title description">',
        '<title id="title">A stack file in an editor</title>',
        f'<desc id="description">{escape(" ".join(map(_described, scenes)))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="background" width="{width}" height="{height}" rx="8"/>',
    ]
    for index, scene in enumerate(scenes):
        left = _MARGIN + index % _COLUMNS * (_WIDTH + _MARGIN)
        top = _MARGIN + index // _COLUMNS * (_TITLE + _HEIGHT + _MARGIN)
        lines += _panel(scene, left, top)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _described(scene: Scene) -> str:
    parts = [
        ", ".join(scene.get("proposals", [])),
        scene.get("documentation", ""),
        " ".join(line.lstrip("#* ") for line in scene.get("hover", "").split("\n") if line),
        " ".join(error["message"] for error in scene.get("errors", [])),
    ]
    return f"{scene['title']}: {'. '.join(part for part in parts if part)}"


def _panel(scene: Scene, left: float, top: float) -> Iterator[str]:
    yield f'<text class="title" x="{left:g}" y="{top + 14}">{escape(scene["title"])}</text>'
    yield f'<text class="file" x="{left + _WIDTH:g}" y="{top + 14}" text-anchor="end">{escape(scene["file"])}</text>'
    # A svg inside clips long lines.
    yield f'<svg x="{left:g}" y="{top + _TITLE}" width="{_WIDTH}" height="{_HEIGHT}">'
    yield f'<rect class="panel" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{_HEIGHT - 1}" rx="6"/>'
    about = [scene["at"]["line"]] if "at" in scene else [error["line"] for error in scene["errors"]]
    first = max(about[0] - _ABOVE, 0)
    if "hover" in scene:
        yield from _pointed(scene, first)
    for row, text in enumerate(scene["lines"][first : first + _ROWS]):
        yield from _code(text, row, first + row + 1)
    if "proposals" in scene:
        yield from _proposals(scene, first)
    if "hover" in scene:
        yield from _hover(scene, first)
    for error in scene.get("errors", []):
        yield _wave(error, first)
    if "errors" in scene:
        yield from _messages(scene["errors"])
    yield "</svg>"


def _x(character: int) -> float:
    return _NUMBERS + _PADDING + character * _CHARACTER


def _y(row: float) -> float:
    """The upper side of a row."""
    return _PADDING + row * _ROW


def _code(text: str, row: int, number: int) -> Iterator[str]:
    y = _y(row) + 13
    yield f'<text class="code number" x="{_NUMBERS}" y="{y:g}">{number}</text>'
    match = _YAML.match(text)
    for kind in ("comment", "key", "value"):
        if match and (part := match[kind]):
            # The same width with every font.
            size = f'textLength="{len(part) * _CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs"'
            x = f"{_x(match.start(kind)):g}"
            yield f'<text class="code {kind}" x="{x}" y="{y:g}" {size}>{escape(part)}</text>'


def _proposals(scene: Scene, first: int) -> Iterator[str]:
    row, character = scene["at"]["line"] - first, scene["at"]["character"]
    x, y = _x(character), _y(row + 1) + 2
    yield f'<path class="cursor" d="M{x:g} {_y(row):g} v{_ROW}"/>'
    labels = [*scene["proposals"], *(["…"] if scene["more"] else [])]
    width = max(map(len, labels)) * _CHARACTER + 2 * _PADDING
    yield _popup(x, y, width, len(labels))
    for index, label in enumerate(labels):
        if index == scene["selected"]:
            size = f'width="{width - 2:g}" height="{_ROW}"'
            yield f'<rect class="selected" x="{x + 1:g}" y="{y + 4 + index * _ROW:g}" {size}/>'
        yield f'<text class="code" x="{x + _PADDING:g}" y="{y + 17 + index * _ROW:g}">{escape(label)}</text>'
    beside = x + width + 4
    yield from _text(scene["documentation"].split("\n"), beside, y, _WIDTH - beside - _PADDING)


def _pointed(scene: Scene, first: int) -> Iterator[str]:
    line = scene["lines"][scene["at"]["line"]]
    start = len(line) - len(line.lstrip())
    width = line.index(":") - start
    place = f'x="{_x(start):g}" y="{_y(scene["at"]["line"] - first):g}" width="{width * _CHARACTER:g}"'
    yield f'<rect class="pointed" {place} height="{_ROW}"/>'


def _hover(scene: Scene, first: int) -> Iterator[str]:
    lines = [line for line in scene["hover"].split("\n") if line]
    y = _y(scene["at"]["line"] - first + 1) + 2
    yield from _text(lines, _x(scene["at"]["character"]), y, 270)


def _text(lines: list[str], x: float, y: float, width: float) -> Iterator[str]:
    """A popup with Markdown: paragraphs, headings and lists."""
    columns = int((width - 2 * _PADDING) / _PROSE)
    rows = [
        ("title" if line.startswith("#") else "prose", row)
        for line in lines
        for row in textwrap.wrap(re.sub(r"^#+ |`", "", line).replace("* ", "• "), columns)
    ]
    yield _popup(x, y, width, len(rows))
    for index, (kind, text) in enumerate(rows):
        yield f'<text class="{kind}" x="{x + _PADDING:g}" y="{y + 17 + index * _ROW:g}">{escape(text)}</text>'


def _popup(x: float, y: float, width: float, rows: int) -> str:
    height = rows * _ROW + 8
    if y + height > _HEIGHT - 4:
        raise DiagramError(f"a popup of {rows} rows does not fit")
    return f'<rect class="popup" x="{x:g}" y="{y:g}" width="{width:g}" height="{height}" rx="4"/>'


def _wave(error: Mapping[str, Any], first: int) -> str:
    x, y = _x(error["from"]), _y(error["line"] - first) + _ROW - 2
    steps = round((error["to"] - error["from"]) * _CHARACTER / 4)
    return f'<path class="wave" d="M{x:g} {y:g} {" ".join(["q1 -3 2 0 t2 0"] * steps)}"/>'


def _messages(errors: list[Mapping[str, Any]]) -> Iterator[str]:
    """The list of problems at the lower side."""
    columns = int((_WIDTH - 3 * _PADDING) / _PROSE)
    rows = [
        row
        for error in errors
        for row in textwrap.wrap(
            f"Line {error['line'] + 1}: {error['message']}", columns, subsequent_indent="\N{EM SPACE}"
        )
    ]
    y = _HEIGHT - len(rows) * _ROW - 8 - _PADDING
    yield _popup(_PADDING, y, _WIDTH - 2 * _PADDING, len(rows))
    for index, text in enumerate(rows):
        yield f'<text class="error" x="{2 * _PADDING}" y="{y + 17 + index * _ROW:g}">{escape(text)}</text>'


def drawings() -> dict[Path, str]:
    """The image with its contents."""
    return {IMAGE: draw(json.loads(DATA.read_text()))}


if __name__ == "__main__":
    sys.exit(write_or_check(drawings(), check="--check" in sys.argv[1:], command="make docs"))
