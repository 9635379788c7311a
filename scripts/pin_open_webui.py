"""`python -m scripts.pin_open_webui FILE`: pin the packages that tests/servers runs the stack's Open WebUI from.

The release is the default of `openWebui.version`. Its wheel names what the slim image installs
(``requirements-slim.txt``); that, what it needs in turn, and the wheel itself go into the file, each with its hashes.
The wheel's own dependencies are those of the full image and left out, so the file is installed with ``--no-deps``.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from components.open_webui.settings import OpenWebUISettings
from devcluster.node.images.layers import ASYNC_TIMEOUT, PYTHON

# It reads the hashes from the package index. pip-compile would download every file of every package for them.
_UV = "uv==0.13.9"
_OPTIONS = ("--quiet", "--generate-hashes", "--strip-extras", "--no-annotate", "--no-header")


def main(file: Path) -> None:
    """Write the requirements file."""
    release = f"open-webui=={OpenWebUISettings().version}"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _run("pip", "install", "--quiet", "--disable-pip-version-check", f"--target={directory / 'uv'}", _UV)
        _run("pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", f"--dest={directory}", release)
        (wheel,) = directory.glob("*.whl")
        wanted = directory / "slim.in"
        with zipfile.ZipFile(wheel) as contents:
            (slim,) = [entry for entry in contents.namelist() if Path(entry).name == "requirements-slim.txt"]
            wanted.write_text(f"{contents.read(slim).decode()}\n{ASYNC_TIMEOUT}\n")
        pinned = directory / "slim.txt"
        # pip's own setting of the index, which uv does not read.
        index = subprocess.run(_module("pip", "config", "get", "global.index-url"), capture_output=True, text=True)
        found = {"UV_DEFAULT_INDEX": index.stdout.strip()} if index.returncode == 0 else {}
        compile_ = ("pip", "compile", *_OPTIONS, f"--python-version={PYTHON}", f"--output-file={pinned}", str(wanted))
        _run("uv", *compile_, PYTHONPATH=str(directory / "uv"), **found)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        file.write_text(f"{release} \\\n    --hash=sha256:{digest}\n{pinned.read_text()}")


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _run(module: str, *arguments: str, **environment: str) -> None:
    subprocess.run(_module(module, *arguments), env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
