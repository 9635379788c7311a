"""How the memory limit of a Tika pod is divided: two Java processes, and what each needs beside its heap.

The process of the image supervises a second one, which parses (https://cwiki.apache.org/confluence/display/TIKA/TikaServer).
A document that exhausts the heap ends the second process only, and the first one starts it again. So the heap must fit
into the limit. Otherwise the kernel would kill the container.
"""

from decimal import Decimal

from ..blocks.quantities import MEBIBYTE, quantity

SUPERVISOR_HEAP = 32
"""Heap of the process that supervises, in MiB. It parses nothing."""

BESIDE_THE_HEAP = 352
"""MiB of the limit for everything else: the supervisor, and the classes, threads, buffers and compiled code of the
server. Measured with Tika 3.3.2, six documents at a time and a full heap: 63 and 147 (tests/servers/test_tika.py)."""

LEAST_HEAP = 256
"""Heap in MiB. Six documents at a time, of 300 pages and 1 MB each, are extracted with it (measured)."""

LEAST_LIMIT = LEAST_HEAP + BESIDE_THE_HEAP
"""Smallest memory limit in MiB."""


def heap(limit: str) -> int:
    """Heap of the server in MiB, for a memory limit (a quantity) of at least `LEAST_LIMIT`."""
    return int(quantity(limit) / Decimal(MEBIBYTE)) - BESIDE_THE_HEAP
