"""Names of WAL segments, and the histories of timelines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SEGMENT = re.compile(r"[0-9A-F]{24}")
HISTORY = re.compile(r"([0-9A-F]{8})\.history")


@dataclass(frozen=True, order=True)
class Segment:
    """One segment."""

    number: int
    """Number of the segment in the log, whatever its timeline."""

    timeline: int

    def name(self, size: int) -> str:
        """Name of its file, with segments of that many bytes."""
        per_log = 0x1_0000_0000 // size
        return f"{self.timeline:08X}{self.number // per_log:08X}{self.number % per_log:08X}"


def segment_of(name: str, size: int) -> Segment:
    """The segment with that name."""
    per_log = 0x1_0000_0000 // size
    return Segment(int(name[8:16], 16) * per_log + int(name[16:24], 16), int(name[:8], 16))


def read_lsn(text: str) -> int:
    """A position in the log: ``1/6B000028``."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def read_history(text: str) -> dict[int, int]:
    """The ancestors of a timeline, each with the position at which it was left."""
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {int(words[0]): read_lsn(words[1]) for words in lines}


def segments(first: Segment, ancestors: dict[int, int], timeline: int, size: int) -> Iterator[Segment]:
    """The segments that a server replays from the first one on, without end.

    Args:
        first: of the base backup.
        ancestors: of the timeline, as `read_history` returns them.
        timeline: the timeline that is replayed to its end.
        size: bytes of a segment.
    """
    number = first.number
    while True:
        # A segment in which the timeline changes exists on both; a server reads the newer one.
        left = [ancestor for ancestor, position in ancestors.items() if position // size > number]
        current = min(left, default=timeline)
        yield Segment(number, max(current, first.timeline))
        number += 1
