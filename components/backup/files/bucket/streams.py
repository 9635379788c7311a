"""Streams that are read once, and what is known of them at their end."""

import hashlib
from collections.abc import Iterable
from typing import Protocol


class Readable(Protocol):
    """What the streams here are made of."""

    def read(self, size: int = ..., /) -> bytes:
        """So many bytes, or fewer."""
        ...


class Reader:
    """A file-like object over parts."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end; all with a negative size."""
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
    """A file-like object that counts and hashes what is read from another one."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.size = 0
        """Bytes."""

    def read(self, size: int = -1) -> bytes:
        """As the source does."""
        data = self._source.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    @property
    def sha256(self) -> str:
        """SHA-256 of what was read, in hexadecimal."""
        return self._hash.hexdigest()
