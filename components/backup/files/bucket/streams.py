"""Streams that are read once, with their size and checksum at the end."""

import hashlib
from collections.abc import Iterable
from typing import Protocol


class Readable(Protocol):
    """The interface of a source."""

    def read(self, size: int = ..., /) -> bytes:
        """Reads at most ``size`` bytes."""
        ...


class Reader:
    """A file-like object over parts."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Reads exactly ``size`` bytes, fewer only at the end; all bytes with a negative size."""
        taken = [self._rest]
        length = len(self._rest)
        while (size < 0 or length < size) and (part := next(self._parts, None)) is not None:
            taken.append(part)
            length += len(part)
        whole = b"".join(taken)
        if size < 0:
            size = len(whole)
        self._rest = whole[size:]
        return whole[:size]


class Measured:
    """A file-like object that counts and hashes the bytes that it reads from another one."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.size = 0
        """Bytes."""

    def read(self, size: int = -1) -> bytes:
        """Reads from the source."""
        data = self._source.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes that were read, in hexadecimal."""
        return self._hash.hexdigest()
