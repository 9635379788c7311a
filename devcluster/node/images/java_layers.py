"""The layers of images with Java programs."""

import shutil
from pathlib import Path

from ...toolchain.tika_server import tika_server
from .making import debian, layer, tree

TIKA_ARCHIVE = "/tika-server-standard.jar"


@layer("java", seconds=45)
def _java(tar: Path, _argument: str) -> None:
    """Debian with the Java runtime of the official image of Tika."""
    debian(tar, ("openjdk-17-jre-headless",), manuals=True)


@layer("tika", seconds=15)
def _tika(tar: Path, _argument: str) -> None:
    with tree(tar) as root:
        shutil.copy(tika_server(), root / TIKA_ARCHIVE.removeprefix("/"))
