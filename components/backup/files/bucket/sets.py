"""Backup sets in the bucket: a dump, the uploaded files that belong to it, and the manifest that makes them a set.

Keys, under the prefix of the settings:

    ORIGIN/sets/NAME/database.dump     the dump
    ORIGIN/sets/NAME/contents          number and checksum of the rows of every table
    ORIGIN/sets/NAME/files.json        the uploaded files: path, size, checksum, object
    ORIGIN/sets/NAME/objects.txt       keys of these objects, for the retention
    ORIGIN/sets/NAME/manifest.json     what the set is; written last: without it there is no set
    ORIGIN/files/HASH                  an uploaded file, shared by the sets that contain it

An origin is one volume of dumps. Each stack writes and removes under its own origin only.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .store import BucketError, Store, Stored

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """An uploaded file in a set."""

    path: str
    """Relative to the directory of the uploads."""

    stored: Stored

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "UploadedFile":
        """From `files.json`."""
        return cls(path=values["path"], stored=Stored(**values["stored"]))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of a set. It contains no data of users."""

    format: int
    origin: str
    name: str
    """The name of the dump, without its suffix."""

    made: str
    """When the set was complete, in ISO 8601."""

    encryption: str
    tables: int
    rows: int
    database: Mapping[str, str]
    """Versions of the server and of pgvector, revision of the migrations."""

    dump: Stored
    contents: Stored
    files: Stored
    objects: Stored
    uploads: str
    """`openWebui.uploads.kind`."""

    file_count: int
    file_bytes: int
    files_missing: int
    """Rows of uploaded files whose file no longer existed: deleted during the backup, or lost before."""

    uploads_bucket: str = ""
    """The bucket of the uploads, if they are in a bucket: its objects are not in the set."""

    def as_json(self) -> dict[str, Any]:
        """The values of `manifest.json`."""
        return asdict(self)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Manifest":
        """From `manifest.json`.

        Raises:
            BucketError: it is of another format.
        """
        try:
            if values["format"] != FORMAT:
                raise BucketError(f"The set has format {values['format']}, which this version does not read.")
            objects = {name: Stored(**values[name]) for name in ("dump", "contents", "files", "objects")}
            return cls(**{**values, **objects})
        except (KeyError, TypeError):
            raise BucketError("The manifest of a set is damaged.") from None

    @property
    def size(self) -> int:
        """The size of the set in bytes."""
        return self.dump.size + self.file_bytes

    def described(self) -> str:
        """The description in a list of sets, without the name."""
        files = f", {self.file_count} files" if self.uploads == "volume" else ""
        server = self.database.get("server_version", "unknown")
        encryption = f", encryption {self.encryption}" if self.encryption != "none" else ""
        return f"{self.size} bytes, {self.tables} tables with {self.rows} rows{files}, PostgreSQL {server}{encryption}"


def origin_directory(store: Store, origin: str) -> str:
    """The prefix of the objects of an origin, with `/` at the end."""
    return f"{store.prefix}/{origin}/"


def set_directory(store: Store, origin: str, name: str) -> str:
    """The prefix of the objects of a set, with `/` at the end."""
    return f"{origin_directory(store, origin)}sets/{name}/"


def file_key(store: Store, origin: str, path: str, size: int, sha256: str) -> str:
    """Key of an uploaded file, without the suffix of age.

    It is a hash of the contents, the path and the recipients, so an object is written once. The path contains the
    random identifier of the file, so a reader of the bucket cannot guess the file of a key.
    """
    parts = (path, str(size), sha256, *(each.hex() for each in sorted(store.recipients)))
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{origin_directory(store, origin)}files/{name}"


def complete_sets(store: Store, origin: str | None = None) -> list[Manifest]:
    """The sets of one origin or of all origins, the newest first."""
    origins = [origin_directory(store, origin)] if origin else store.directories(f"{store.prefix}/")
    sets = [Manifest.read(store.json(key)) for directory in origins for key in _manifests(store, directory)]
    return sorted(sets, key=lambda each: (each.name, each.made), reverse=True)


def _manifests(store: Store, directory: str) -> Iterator[str]:
    for key, _ in store.keys(f"{directory}sets/"):
        if key.endswith(f"/{MANIFEST}"):
            yield key


def choose(store: Store, name: str) -> Manifest:
    """The set of that name, `ORIGIN/NAME` or `NAME`; `newest` for the newest.

    Raises:
        BucketError: there is no such set, or there are several.
    """
    sets = complete_sets(store)
    if name == "newest":
        chosen = sets[:1]
    else:
        chosen = [each for each in sets if name in (each.name, f"{each.name}.dump", f"{each.origin}/{each.name}")]
    if len(chosen) == 1:
        return chosen[0]
    what = f"several sets {name}: name one as ORIGIN/NAME" if chosen else f"no set {name}"
    names = ", ".join(f"{each.origin}/{each.name}" for each in sets) or "none"
    raise BucketError(f"There is {what} in {store.where}. Nothing was changed. Sets: {names}")
