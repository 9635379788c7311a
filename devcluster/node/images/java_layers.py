"""The layers of images with Java programs."""

import shutil
from pathlib import Path

from ...toolchain.tika_server import tika_server
from .layers import _MAKERS, RELEASE, _debian_sources, _run, _tree

TIKA_ARCHIVE = "/tika-server-standard.jar"
_PACKAGES = ("openjdk-17-jre-headless",)
# Not the manuals: the package's links to them would fail.
_NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def _java(tar: Path, _directory: Path, _argument: str) -> None:
    """Debian with the Java runtime of the official image of Tika."""
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in _NOT_NEEDED]
    _run([*command, "--format=tar", RELEASE, str(tar), *_debian_sources()])


def _tika(tar: Path, _directory: Path, _argument: str) -> None:
    with _tree(tar) as root:
        shutil.copy(tika_server(), root / TIKA_ARCHIVE.removeprefix("/"))


_MAKERS.update({"java": (_java, 45), "tika": (_tika, 15)})
