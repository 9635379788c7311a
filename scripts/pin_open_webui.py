"""`python -m scripts.pin_open_webui FILE`: pin the packages of the Open WebUI that tests/servers runs.

The release is the default of `openWebui.version`. Its wheel contains the requirements of the slim image
(``requirements-slim.txt``). The file lists those packages, their dependencies and the wheel itself, each with its
hashes. The wheel declares the dependencies of the full image, so the file is installed with ``--no-deps``.
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

# uv reads the hashes from the package index. pip-compile would download every file of every package.
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
        slim_requirements = directory / "slim.in"
        with zipfile.ZipFile(wheel) as contents:
            (slim,) = [entry for entry in contents.namelist() if Path(entry).name == "requirements-slim.txt"]
            slim_requirements.write_text(f"{contents.read(slim).decode()}\n{ASYNC_TIMEOUT}\n")
        pinned = directory / "slim.txt"
        # uv does not read pip's configuration.
        index = subprocess.run(_module("pip", "config", "get", "global.index-url"), capture_output=True, text=True)
        index_setting = {"UV_DEFAULT_INDEX": index.stdout.strip()} if index.returncode == 0 else {}
        compile_ = (
            "pip",
            "compile",
            *_OPTIONS,
            f"--python-version={PYTHON}",
            f"--output-file={pinned}",
            str(slim_requirements),
        )
        _run("uv", *compile_, PYTHONPATH=str(directory / "uv"), **index_setting)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        file.write_text(f"{release} \\\n    --hash=sha256:{digest}\n{pinned.read_text()}")


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _run(module: str, *arguments: str, **environment: str) -> None:
    subprocess.run(_module(module, *arguments), env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
