"""A containerd root with the unpacked images, kept between runs; each node starts with a copy of it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from host.directories import images_directory
from host.locks import exclusive
from stack_config.files import ROOT
from terminal.console import step
from terminal.errors import LocalError

from . import making
from .definitions import Image

_IMPORT_SECONDS = 40


def ensure(images: Iterable[Image]) -> None:
    """Build and unpack the images that are missing in the store.

    Raises:
        LocalError: an image could not be built or unpacked.
    """
    with exclusive("images", "builds container images"):
        _remove_others()
        missing = [image for image in images if not _mark(image).exists()]
        if not missing:
            return
        directory = _store() / "layers"
        directory.mkdir(parents=True, exist_ok=True)
        for image in missing:
            files = [making.make(layer, directory) for layer in image.layers]
            with step(f"unpack {image.names[0]}", _IMPORT_SECONDS if len(files) > 1 else 0):
                _unpack(image, files)
            _mark(image).parent.mkdir(exist_ok=True)
            _mark(image).touch()


def copy_to(directory: Path) -> None:
    """Copy the store to the containerd root of a node; they share the files of the images.

    Raises:
        LocalError: the copy failed; the message contains the output of `cp`.
    """
    # Renamed when it is complete: an interrupted start would otherwise leave a node without some of its images.
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["cp", "--archive", "--link", str(_root()), str(partial)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"the images cannot be copied to {directory}:\n{done.stderr.strip()[-1000:]}")
    # The databases are copied, because containerd writes to them; it only reads or replaces all other files.
    for database in _root().rglob("*.db"):
        own = partial / database.relative_to(_root())
        own.unlink()
        shutil.copy2(database, own)
    partial.rename(directory)


def _store() -> Path:
    """To be changed with the way that layers are built."""
    return images_directory() / _fingerprint(
        *((Path(__file__).parent / name).read_bytes() for name in ("layers.py", "importing.py"))
    )


def _root() -> Path:
    return _store() / "containerd"


def _mark(image: Image) -> Path:
    """The file that marks an image as stored, for its current definition."""
    return _store() / "unpacked" / _fingerprint(repr(image).encode())


def _fingerprint(*made_of: bytes) -> str:
    return hashlib.sha256(b"\0".join(made_of)).hexdigest()[:12]


def _remove_others() -> None:
    for directory in images_directory().iterdir():
        if directory != _store():
            shutil.rmtree(directory)


def _unpack(image: Image, files: list[Path]) -> None:
    plan = {
        "root": str(_root()),
        "names": image.names,
        "layers": [str(file) for file in files],
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            "WorkingDir": image.working_directory,
            "StopSignal": image.stop_signal,
        },
    }
    # fmt: off
    command = [
        "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, "-m", "devcluster.node.images.importing", json.dumps(plan),
    ]
    # fmt: on
    environment = {**os.environ, "PATH": f"/usr/sbin:/sbin:{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise LocalError(f"the image {image.names[0]} could not be unpacked\n{last}")
