"""Uploaded files on the shared volume: into the bucket before and after the dump, and back.

Open WebUI stores a file before it inserts the row, never changes it, and deletes the row before the file. So every row
of the dump has its file when the dump begins. A file that is deleted while the dump is made is captured before it; a
file that is uploaded in between is captured after it. Only a file that is both uploaded and deleted during one backup
is missing.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .sets import UploadedFile, file_key
from .store import BucketError, Store, Stored
from .streams import Measured
from .volume import Volume

_READ = 1024 * 1024
_KEPT = ".before-restore"


@dataclass(frozen=True, kw_only=True)
class Captured:
    """The uploaded files of a set."""

    files: list[UploadedFile]
    missing: int
    """Number of rows without a file."""

    @property
    def size(self) -> int:
        """Size in the bucket, in bytes."""
        return sum(each.stored.size for each in self.files)


class Uploads:
    """The directory of the uploaded files, and its objects in the bucket."""

    def __init__(self, directory: Path, store: Store, origin: str) -> None:
        self._directory = directory
        self._store = store
        self._origin = origin
        # Objects of a killed run are complete, because S3 does not show partial objects.
        self._present = dict(store.keys(file_key_prefix(store, origin)))
        self.written = 0
        """Files that were written to the bucket."""

    def capture(self, known: Mapping[str, UploadedFile]) -> dict[str, UploadedFile]:
        """Every existing file, by its path. Files that the bucket does not have are written and read back.

        Args:
            known: files that were captured earlier, by their path.
        """
        captured: dict[str, UploadedFile] = {}
        for path in self._paths():
            try:
                captured[path] = self._captured(path, known.get(path))
            except FileNotFoundError:
                # Deleted after it was listed.
                continue
        return captured

    def _paths(self) -> Iterator[str]:
        for directory, _, names in os.walk(self._directory):
            for name in sorted(names):
                path = Path(directory, name)
                if path.is_file() and not path.is_symlink() and _KEPT not in name:
                    yield str(path.relative_to(self._directory))

    def _captured(self, path: str, known: UploadedFile | None) -> UploadedFile:
        size, sha256 = _measured(self._directory / path)
        key = file_key(self._store, self._origin, path, size, sha256)
        stored_key = key + self._store.suffix
        if stored_key in self._present:
            if known and known.stored.key == stored_key and self._present[stored_key] == known.stored.size:
                return known
            if not self._store.suffix and self._present[stored_key] == size:
                plain = Stored(key=key, size=size, sha256=sha256, plain_size=size, plain_sha256=sha256)
                return UploadedFile(path=path, stored=plain)
        with (self._directory / path).open("rb") as source:
            stored = self._store.write(key, source, size)
        if stored.plain_sha256 != sha256:
            raise BucketError("An uploaded file changed while it was read. This set is not complete.")
        self._present[stored_key] = stored.size
        self.written += 1
        return UploadedFile(path=path, stored=stored)


def file_key_prefix(store: Store, origin: str) -> str:
    """Prefix of the objects of uploaded files."""
    return file_key(store, origin, "", 0, "").rpartition("/")[0] + "/"


def _measured(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        measured = Measured(file)
        while measured.read(_READ):
            pass
    return measured.size, measured.sha256


def save(volume: Volume, files: Mapping[str, UploadedFile]) -> None:
    """Store the captured files on the volume, for the next container."""
    volume.write(volume.captured, json.dumps([asdict(each) for each in files.values()]).encode())


def saved(volume: Volume) -> dict[str, UploadedFile]:
    """The files that were captured last, by their paths."""
    if not volume.captured.exists():
        return {}
    values: list[Any] = json.loads(volume.captured.read_text())
    return {each["path"]: UploadedFile.read(each) for each in values}


def of_set(
    before: Mapping[str, UploadedFile], after: Mapping[str, UploadedFile], rows: Iterable[str], directory: str
) -> Captured:
    """The files of a set: all files captured after the dump, and the files captured before it that have a row in the
    dump. The other files were deleted with their rows before the dump.

    Args:
        before: captured before the dump.
        after: captured after it.
        rows: paths in the rows of the dump.
        directory: directory of the uploads in the web pods, which contains these paths.
    """
    inside = {path.removeprefix(f"{directory}/") for path in rows if path.startswith(f"{directory}/")}
    files = {**after, **{path: each for path, each in before.items() if path in inside and path not in after}}
    return Captured(files=[files[path] for path in sorted(files)], missing=len(inside - files.keys()))


def put_back(directory: Path, files: Iterable[UploadedFile], store: Store, identity: bytes | None) -> tuple[int, int]:
    """Write the files that are missing. No file is removed, and an existing file of the same name with other contents
    is renamed. Returns the number of written files, and of existing files with the same contents.
    """
    written = same = 0
    for file in files:
        target = directory / file.path
        if directory.resolve() not in target.resolve().parents:
            raise BucketError("A path in the set leads out of the directory of the uploads. Nothing more was written.")
        if target.exists():
            if _measured(target) == (file.stored.plain_size, file.stored.plain_sha256):
                same += 1
                continue
            os.replace(target, _free_name(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{hashlib.sha256(file.path.encode()).hexdigest()[:16]}{_KEPT}")
        with unfinished.open("wb") as output:
            store.read(file.stored, output, identity)
            output.flush()
            os.fsync(output.fileno())
        unfinished.replace(target)
        written += 1
    return written, same


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_name(f"{path.name}{_KEPT}-{number}")).exists():
        number += 1
    return candidate
