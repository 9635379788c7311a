"""Copies the newest proved dump to the bucket as a set, and removes sets beyond the number to keep."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from .output import say
from .sets import (
    FORMAT,
    MANIFEST,
    Manifest,
    complete_sets,
    origin_directory,
    set_directory,
)
from .store import Store, Stored
from .streams import Reader
from .uploads import Captured, Uploads, file_key_prefix, of_set, save, saved
from .volume import Dump, Volume


def capture_before(store: Store, volume: Volume, environment: Mapping[str, str]) -> None:
    """Copy the uploaded files to the bucket before the dump is made."""
    uploads = Uploads(Path(environment["UPLOADS_DIRECTORY"]), store, volume.origin)
    with volume.locked():
        files = uploads.capture(saved(volume))
        save(volume, files)
    say(f"{len(files)} uploaded files are in {store.where}; {uploads.written} were new.")


def push(store: Store, volume: Volume, environment: Mapping[str, str]) -> None:
    """Make a set of the newest dump. The manifest is written last: without it there is no set."""
    with volume.locked():
        dump = volume.newest()
        directory = set_directory(store, volume.origin, dump.name)
        if any(key == directory + MANIFEST for key, _ in store.keys(directory)):
            manifest = Manifest.read(store.json(directory + MANIFEST))
            say(f"{dump.name} is in {store.where} already.")
        else:
            say(f"Copying {dump.name} to {store.where}.")
            manifest = _write(store, volume, dump, environment)
            say(f"Complete: {manifest.described()}. Every object was read back.")
        _prune(store, volume.origin, manifest.name, int(environment["BUCKET_KEEP"]))
        volume.record(manifest.name, manifest.size)


def _write(store: Store, volume: Volume, dump: Dump, environment: Mapping[str, str]) -> Manifest:
    directory = set_directory(store, volume.origin, dump.name)
    captured = _captured(store, volume, dump, environment)
    if captured.missing:
        say(
            f"{captured.missing} uploaded files have a row in the dump and no file: they were deleted during the "
            "backup or before."
        )
    with dump.path.open("rb") as source:
        written_dump = store.write(f"{directory}database.dump", source, dump.path.stat().st_size)
    manifest = Manifest(
        format=FORMAT,
        origin=volume.origin,
        name=dump.name,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        encryption=store.encryption,
        tables=len(dump.rows),
        rows=sum(dump.rows),
        database=dump.facts,
        dump=written_dump,
        contents=_write_small(store, f"{directory}contents", dump.contents.read_bytes()),
        files=_write_small(
            store, f"{directory}files.json", json.dumps([asdict(each) for each in captured.files]).encode()
        ),
        objects=store.write_open(f"{directory}objects.txt", "".join(f"{each.stored.key}\n" for each in captured.files)),
        uploads=environment["UPLOADS_KIND"],
        uploads_bucket=environment.get("UPLOADS_BUCKET", ""),
        file_count=len(captured.files),
        file_bytes=captured.size,
        files_missing=captured.missing,
    )
    store.write_open(directory + MANIFEST, json.dumps(manifest.as_json(), indent=1))
    return manifest


def _captured(store: Store, volume: Volume, dump: Dump, environment: Mapping[str, str]) -> Captured:
    if "UPLOADS_DIRECTORY" not in environment:
        return Captured(files=[], missing=0)
    uploads = Uploads(Path(environment["UPLOADS_DIRECTORY"]), store, volume.origin)
    before = saved(volume)
    after = uploads.capture(before)
    say(f"{len(after)} uploaded files are in {store.where}; {uploads.written} were new since the dump began.")
    return of_set(before, after, dump.uploaded_paths, environment["UPLOADS_PATH"])


def _write_small(store: Store, key: str, data: bytes) -> Stored:
    return store.write(key, Reader([data]), len(data))


def _prune(store: Store, origin: str, newest: str, keep: int) -> None:
    """Remove the sets beyond the number to keep, objects that no set needs, and objects of killed runs. It removes
    only objects of this origin: another stack may have the same prefix.
    """
    own = [each for each in complete_sets(store, origin) if each.name != newest]
    for old in own[keep - 1 :]:
        say(f"Removing {old.name}: {keep} are kept.")
        # The manifest first: without it, the remaining objects of an interrupted removal are not a set.
        store.remove([set_directory(store, origin, old.name) + MANIFEST])
    kept = [newest, *(each.name for each in own[: keep - 1])]
    directories = {name: set_directory(store, origin, name) for name in kept}
    sets = f"{origin_directory(store, origin)}sets/"
    store.remove([key for key, _ in store.keys(sets) if not key.startswith(tuple(directories.values()))])
    needed = {key for each in directories.values() for key in store.text(f"{each}objects.txt").split()}
    unneeded = [key for key, _ in store.keys(file_key_prefix(store, origin)) if key not in needed]
    store.remove(unneeded)
    if unneeded:
        say(f"Removed {len(unneeded)} uploaded files that no set contains.")
    if aborted := store.abort_uploads(origin_directory(store, origin)):
        say(f"Removed {aborted} uploads that were never completed.")
    others = sum(each.origin != origin for each in complete_sets(store))
    if others:
        say(f"{others} sets in {store.where} are of other volumes. They are never removed.")
