"""`python -m scripts.pin_open_webui FILE CHROMA`: pin the packages of the Open WebUI that tests/servers runs.

The release is the default of `openWebui.version`. Its wheel contains the requirements of the slim image
(``requirements-slim.txt``). FILE lists those packages, their dependencies and the wheel itself, each with its hashes.
The wheel declares the dependencies of the full image, so the file is installed with ``--no-deps``. CHROMA lists the
packages that the full image needs besides, without models, to store documents in Chroma.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from components.open_webui.settings import OpenWebUISettings
from devcluster.node.images.layers import ASYNC_TIMEOUT
from devcluster.node.images.making import PYTHON

# uv reads the hashes from the package index. pip-compile would download every file of every package.
_UV = "uv==0.13.9"
_OPTIONS = ("--quiet", "--generate-hashes", "--strip-extras", "--no-annotate", "--no-header")


CHROMA = ("azure-identity", "azure-storage-blob", "chromadb", "google-cloud-storage", "pydub")
"""Packages of the full image that it imports at its start, and Chroma."""


def main(file: Path, chroma: Path) -> None:
    """Write the requirements files."""
    release = f"open-webui=={OpenWebUISettings().version}"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _run("pip", "install", "--quiet", "--disable-pip-version-check", f"--target={directory / 'uv'}", _UV)
        _run("pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", f"--dest={directory}", release)
        (wheel,) = directory.glob("*.whl")
        with zipfile.ZipFile(wheel) as contents:
            (slim,) = [entry for entry in contents.namelist() if Path(entry).name == "requirements-slim.txt"]
            (metadata,) = [entry for entry in contents.namelist() if entry.endswith(".dist-info/METADATA")]
            slim_requirements = f"{contents.read(slim).decode()}\n{ASYNC_TIMEOUT}\n"
            full = re.findall(r"^Requires-Dist: (\S+)$", contents.read(metadata).decode(), re.MULTILINE)
        pinned = _compiled(slim_requirements, directory)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        file.write_text(f"{release} \\\n    --hash=sha256:{digest}\n{pinned}")
        additional = "\n".join(line for line in full if line.partition("==")[0] in CHROMA)
        chroma.write_text(_without(_compiled(additional, directory, constraints=pinned), pinned))


def _compiled(requirements: str, directory: Path, constraints: str = "") -> str:
    """The requirements with their dependencies and hashes."""
    requested, constraining, pinned = (directory / name for name in ("requested.in", "constraints.txt", "pinned.txt"))
    requested.write_text(requirements)
    constraining.write_text(constraints)
    pinned.unlink(missing_ok=True)
    # uv does not read pip's configuration.
    index = subprocess.run(_module("pip", "config", "get", "global.index-url"), capture_output=True, text=True)
    index_setting = {"UV_DEFAULT_INDEX": index.stdout.strip()} if index.returncode == 0 else {}
    files = (f"--constraints={constraining}", f"--output-file={pinned}", str(requested))
    compile_ = ("pip", "compile", *_OPTIONS, f"--python-version={PYTHON}", *files)
    _run("uv", *compile_, PYTHONPATH=str(directory / "uv"), **index_setting)
    return pinned.read_text()


def _without(pinned: str, other: str) -> str:
    """The pinned packages that the other file does not pin."""
    pins = re.split(r"^(?=[a-z])", pinned, flags=re.MULTILINE)
    present = set(re.findall(r"^[a-z][^=]*", other, re.MULTILINE))
    return "".join(pin for pin in pins if pin.partition("==")[0] not in present)


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _run(module: str, *arguments: str, **environment: str) -> None:
    subprocess.run(_module(module, *arguments), env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
