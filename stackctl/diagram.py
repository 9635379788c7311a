"""Diagrams as SVG: of the documentation, and of a stack that was checked.

The drawings are plain SVG without JavaScript or a download. A diagram is a grid: boxes and frames have a column, a row
and a size in cells, and arrows connect boxes by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

CELL_WIDTH, CELL_HEIGHT = 170, 96
GAP_WIDTH, GAP_HEIGHT = 30, 40
MARGIN, FRAME_MARGIN = 16, 14
TITLE_CHARACTER, NOTE_CHARACTER, LINE_HEIGHT = 7.7, 6.6, 16
"""Widest averages of system fonts, in pixels: a text that fits by this estimate fits."""

_STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.note, .label { fill: #57606a }
.box { fill: #f6f8fa; stroke: #57606a }
.stack { fill: #ddf4ff; stroke: #0969da }
.secret { fill: #fff8c5; stroke: #9a6700 }
.frame { fill: none; stroke: #0969da; stroke-dasharray: 6 4 }
.arrow { fill: none; stroke: #57606a; stroke-width: 1.5; marker-end: url(#head) }
.background { fill: #ffffff }
"""


class DiagramError(Exception):
    """A diagram that cannot be drawn: an unknown box, or a text that does not fit."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of the grid, in pixels."""

    left: float
    top: float
    width: float
    height: float
    title: str
    notes: tuple[str, ...]
    kind: str

    @property
    def right(self) -> float:
        """The right side."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower side."""
        return self.top + self.height


def draw(diagram: Mapping[str, Any]) -> str:
    """The SVG of a diagram.

    Raises:
        DiagramError: an arrow names an unknown box, or a text does not fit into its box.
    """
    boxes = {name: _box(name, spec) for name, spec in diagram["boxes"].items()}
    frames = [_frame(spec) for spec in diagram.get("frames", [])]
    width = max(box.right for box in [*boxes.values(), *frames]) + MARGIN
    height = max(box.bottom for box in [*boxes.values(), *frames]) + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'aria-labelledby="title description">',
        f'<title id="title">{escape(diagram["title"])}</title>',
        f'<desc id="description">{escape(" ".join(diagram["description"].split()))}</desc>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#57606a"/></marker></defs>',
        f'<rect class="background" width="{width:g}" height="{height:g}" rx="8"/>',
        *(line for frame in frames for line in _drawn_frame(frame)),
        *(line for box in boxes.values() for line in _drawn_box(box)),
        *(line for arrow in diagram.get("arrows", []) for line in _drawn_arrow(arrow, boxes)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(name: str, spec: Mapping[str, Any]) -> Box:
    column, row = spec["at"]
    columns, rows = spec.get("size", (1, 1))
    box = Box(
        left=MARGIN + FRAME_MARGIN + column * CELL_WIDTH,
        top=MARGIN + FRAME_MARGIN + row * CELL_HEIGHT,
        width=columns * CELL_WIDTH - GAP_WIDTH,
        height=rows * CELL_HEIGHT - GAP_HEIGHT,
        title=spec["title"],
        notes=tuple(spec.get("notes", ())),
        kind=spec.get("kind", "box"),
    )
    widest = max(len(box.title) * TITLE_CHARACTER, *(len(note) * NOTE_CHARACTER for note in box.notes), 0)
    if widest > box.width or (1 + len(box.notes)) * LINE_HEIGHT > box.height:
        raise DiagramError(f"the text of box {name} does not fit: {box.title!r}, {box.notes}")
    return box


def _frame(spec: Mapping[str, Any]) -> Box:
    column, row = spec["at"]
    columns, rows = spec["size"]
    return Box(
        left=MARGIN + column * CELL_WIDTH,
        top=MARGIN + row * CELL_HEIGHT - 10,
        width=columns * CELL_WIDTH - GAP_WIDTH + 2 * FRAME_MARGIN,
        height=rows * CELL_HEIGHT - GAP_HEIGHT + 2 * FRAME_MARGIN + 10,
        title=spec["title"],
        notes=(),
        kind="frame",
    )


def _drawn_frame(frame: Box) -> Iterator[str]:
    size = f'x="{frame.left:g}" y="{frame.top:g}" width="{frame.width:g}" height="{frame.height:g}"'
    yield f'<rect class="frame" {size} rx="8"/>'
    yield f'<text class="label" x="{frame.left + 10:g}" y="{frame.bottom - 9:g}">{escape(frame.title)}</text>'


def _drawn_box(box: Box) -> Iterator[str]:
    size = f'x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}"'
    yield f'<rect class="{box.kind}" {size} rx="6"/>'
    middle = box.left + box.width / 2
    first = box.top + box.height / 2 - LINE_HEIGHT * len(box.notes) / 2 + 4
    for index, text in enumerate((box.title, *box.notes)):
        kind = "note" if index else "title"
        y = first + index * LINE_HEIGHT
        yield f'<text class="{kind}" x="{middle:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'


def _drawn_arrow(arrow: Mapping[str, Any], boxes: Mapping[str, Box]) -> Iterator[str]:
    for end in ("from", "to"):
        if arrow[end] not in boxes:
            raise DiagramError(f"an arrow names the unknown box {arrow[end]!r}")
    points = _route(boxes[arrow["from"]], boxes[arrow["to"]])
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
    yield f'<path class="arrow" d="{path}"/>'
    if label := arrow.get("label"):
        (x, y), (next_x, next_y) = points[-2:]
        vertical = x == next_x
        at = (x + 6, (y + next_y) / 2 + 4) if vertical else ((x + next_x) / 2, y - 6)
        anchor = "start" if vertical else "middle"
        yield f'<text class="label" x="{at[0]:g}" y="{at[1]:g}" text-anchor="{anchor}">{escape(label)}</text>'


def _route(start: Box, end: Box) -> list[tuple[float, float]]:
    """From side to side: straight where the boxes overlap in one direction, else with two bends half-way."""
    if start.bottom <= end.top or end.bottom <= start.top:
        from_y, to_y = (start.bottom, end.top) if start.bottom <= end.top else (start.top, end.bottom)
        left, right = max(start.left, end.left), min(start.right, end.right)
        if left < right:
            return [((left + right) / 2, from_y), ((left + right) / 2, to_y)]
        from_x, to_x, middle = (start.left + start.right) / 2, (end.left + end.right) / 2, (from_y + to_y) / 2
        return [(from_x, from_y), (from_x, middle), (to_x, middle), (to_x, to_y)]
    from_x, to_x = (start.right, end.left) if start.right <= end.left else (start.left, end.right)
    y = (max(start.top, end.top) + min(start.bottom, end.bottom)) / 2
    return [(from_x, y), (to_x, y)]
