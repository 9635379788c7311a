"""Copies uploaded files from the source to the storage of the stack, with Open WebUI's own storage provider."""

import hashlib
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import IO, Any

from .application import module
from .pod_scripts import output
from .tables import Table
from .text import Row


def file_name(path: str) -> str:
    """Name of an upload in the source's directory ``uploads``."""
    return PurePath(path).name


def stored_path(name: str, environment: Mapping[str, str]) -> str:
    """What Open WebUI writes to the column ``file.path`` for an upload (open_webui/storage/provider.py, 0.12.4).

    Raises `RefusedError` for a storage provider that it does not know.
    """
    provider = environment.get("STORAGE_PROVIDER", "local")
    match provider:
        case "local":
            return f"{environment['DATA_DIR']}/uploads/{name}"
        case "s3":
            prefix = environment.get("S3_KEY_PREFIX") or ""
            key = f"{prefix}{'' if not prefix or prefix.endswith('/') else '/'}{name}"
            return f"s3://{environment['S3_BUCKET_NAME']}/{key}"
        case "gcs":
            return f"gs://{environment['GCS_BUCKET_NAME']}/{name}"
        case "azure":
            return f"{environment['AZURE_STORAGE_ENDPOINT']}/{environment['AZURE_STORAGE_CONTAINER_NAME']}/{name}"
    raise output.RefusedError(f"STORAGE_PROVIDER is {provider}: the import does not know this storage.")


def rewritten_path(table: Table, environment: Mapping[str, str]) -> Callable[[Row], Row]:
    """The change of a row of ``file``: its path becomes that of the stack's storage."""
    position = table.position("path")

    def change(row: Row) -> Row:
        path = row[position]
        return (*row[:position], stored_path(file_name(path), environment), *row[position + 1 :]) if path else row

    return change


class Uploads:
    """Stores files, and removes those of an import that fails."""

    def __init__(self, environment: Mapping[str, str], present: set[str]) -> None:
        """Args: variables of a web pod; paths of the files that the stack's database names."""
        self._environment = environment
        self._present = present
        self._stored: list[str] = []
        self._provider: Any = module("open_webui.storage.provider").Storage

    def store_all(self, stream: IO[bytes]) -> int:
        """Store every file of a tar archive, and read each one back. Returns their number. Raises `RefusedError` if
        the storage refuses a file or returns other contents.
        """
        number = 0
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                contents = archive.extractfile(member)
                if contents is not None:
                    self._store(member.name, contents)
                    number += 1
        return number

    def remove_new(self) -> None:
        """Remove stored files that no row of the stack's database names."""
        for path in self._stored:
            if path not in self._present:
                try:
                    self._provider.delete_file(path)
                except (OSError, RuntimeError) as error:
                    # The reason of the failure is reported, not this one.
                    output.log(f"{path} stays in the storage: {' '.join(str(error).split())}")

    def _store(self, name: str, contents: IO[bytes]) -> None:
        path = stored_path(name, self._environment)
        self._stored.append(path)
        try:
            stored, actual = self._provider.upload_file(contents, name, {})
            if actual != path:
                raise output.RefusedError(f"Open WebUI stored {name} as {actual}, not as {path}.")
            copy = Path(self._provider.get_file(path))
            if _digest(copy.read_bytes()) != _digest(stored):
                raise output.RefusedError(f"The storage returned other contents than it got: {name}.")
        except (OSError, RuntimeError, ValueError) as error:
            raise output.RefusedError(f"{name} could not be stored: {' '.join(str(error).split())}") from error
        if not path.startswith("/"):
            # The copy that Open WebUI makes of an object.
            copy.unlink(missing_ok=True)


def _digest(contents: bytes) -> bytes:
    return hashlib.sha256(contents).digest()
