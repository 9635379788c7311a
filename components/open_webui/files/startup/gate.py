"""A gate between `migrate` and its child: the child prepares everything, waits, and goes on when the gate opens."""

import os
import select
from contextlib import suppress

from .output import RefusedError

_MARK = b"."


class Gate:
    """The parent's part. The child gets the descriptors of `child_descriptors`, in this order."""

    def __init__(self) -> None:
        self._prepared, child_writes = os.pipe()
        child_reads, self._opening = os.pipe()
        self.child_descriptors = (child_writes, child_reads)

    def close_childs(self) -> None:
        """Close the descriptors that the child has inherited: their ends show when it has ended."""
        for descriptor in self.child_descriptors:
            os.close(descriptor)

    def is_prepared(self) -> bool:
        """Whether the child waits. False if it has ended."""
        readable, _, _ = select.select([self._prepared], [], [], 0)
        return bool(readable) and os.read(self._prepared, 1) == _MARK

    def open(self) -> None:
        """Let the child go on."""
        # The exit status of a child that has ended shows why.
        with suppress(BrokenPipeError):
            os.write(self._opening, _MARK)

    def close(self) -> None:
        """Close the gate for good: a child that waits ends."""
        os.close(self._prepared)
        os.close(self._opening)


def wait_at_gate(child_writes: int, child_reads: int) -> None:
    """In the child: wait until the parent opens the gate.

    Raises `RefusedError` if the parent has ended or gave up.
    """
    os.write(child_writes, _MARK)
    if os.read(child_reads, 1) != _MARK:
        raise RefusedError("The migration has not begun.")
