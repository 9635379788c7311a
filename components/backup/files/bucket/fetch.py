"""Lists the sets, and fetches one: the dump to its volume, the uploaded files to theirs."""

import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from .age import identity_key
from .output import say
from .sets import Manifest, UploadedFile, choose, complete_sets
from .store import BucketError, Store, Stored
from .uploads import put_back
from .volume import Volume, VolumeError


def show(store: Store) -> None:
    """Print one line for each set, the newest first."""
    for each in complete_sets(store):
        say(f"set {each.origin}/{each.name}: {each.described()}")
    say(f"bucket: {store.where}")


def fetch(store: Store, volume: Volume, environment: Mapping[str, str], name: str, *, uploads: bool) -> None:
    """Copy the dump of a set to the volume, where backup.sh restores it from.

    Raises:
        BucketError: there is no such set, it is damaged, or this stack has no volume for its uploaded files.
        VolumeError: the volume has another dump of that name.
        AgeError: it cannot be decrypted.
    """
    chosen, identity = choose(store, name), _identity(environment)
    if uploads and chosen.file_count and "UPLOADS_DIRECTORY" not in environment:
        raise BucketError(
            f"{chosen.name} has {chosen.file_count} uploaded files, and this stack no volume for them. Nothing was "
            "changed. Set openWebui.uploads.kind to volume, or restore without them (--no-uploads)."
        )
    with volume.locked():
        target = volume.directory / f"{chosen.name}.dump"
        contents = _small(store, chosen.contents, identity)
        if target.exists():
            if target.with_suffix(".contents").read_bytes() != contents:
                raise VolumeError(f"The volume has another dump {target.name}. Nothing was changed.")
            say(f"{target.name} is on the volume already.")
            return
        say(f"Fetching {chosen.name} from {store.where}: {chosen.described()}.")
        unfinished = volume.directory / ".fetched"
        try:
            with unfinished.open("wb") as output:
                store.read(chosen.dump, output, identity)
                output.flush()
                os.fsync(output.fileno())
            volume.write(target.with_suffix(".contents"), contents)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    say(f"Fetched {target.name}: {chosen.dump.plain_size} bytes with the checksum of the manifest.")


def put_uploads(store: Store, environment: Mapping[str, str], name: str) -> None:
    """Write the uploaded files of a set that are missing on their volume.

    Raises:
        BucketError: an object is missing or damaged.
        AgeError: it cannot be decrypted.
    """
    chosen, identity = choose(store, name), _identity(environment)
    files = _files(store, chosen, identity)
    if not files:
        say(f"{chosen.name} has no uploaded files." + _elsewhere(chosen))
        return
    written, same = put_back(Path(environment["UPLOADS_DIRECTORY"]), files, store, identity)
    say(f"Restored {written} uploaded files; {same} were there with the same contents.")
    if chosen.files_missing:
        say(f"{chosen.files_missing} uploaded files were missing when the set was made.")


def _elsewhere(chosen: Manifest) -> str:
    if not chosen.uploads_bucket:
        return ""
    return f" They were in {chosen.uploads_bucket}: restore its versions of {chosen.made}."


def _files(store: Store, chosen: Manifest, identity: bytes | None) -> list[UploadedFile]:
    files = [UploadedFile.read(each) for each in json.loads(_small(store, chosen.files, identity))]
    if len(files) != chosen.file_count:
        raise BucketError("The list of uploaded files is not that of the manifest.")
    return files


def _small(store: Store, stored: Stored, identity: bytes | None) -> bytes:
    target = BytesIO()
    store.read(stored, target, identity)
    return target.getvalue()


def _identity(environment: Mapping[str, str]) -> bytes | None:
    file = environment.get("AGE_IDENTITY_FILE")
    return identity_key(Path(file).read_text()) if file and Path(file).exists() else None
