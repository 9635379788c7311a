"""The layers of CloudNativePG: the operator, and the servers that it runs."""

import shutil
from pathlib import Path

from ...toolchain.go_programs import CLOUDNATIVE_PG, build
from .making import debian, layer, tree

MAJOR = 17
PROGRAMS = f"/usr/lib/postgresql/{MAJOR}/bin"
# Debian 13, as in the official images. This machine may have another one, whose package sources do not apply.
_RELEASE = "trixie"
# The operator runs PostgreSQL as this user, and initdb needs its name.
_POSTGRES_USER = 26
_NO_SERVER = (
    'mkdir -p "$1/etc/postgresql-common" && '
    'echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"'
)
# Where the instance manager of PgBouncer looks for it.
_PGBOUNCER = 'ln -s ../sbin/pgbouncer "$1/usr/bin/pgbouncer"'


@layer("cloudnative_pg", seconds=1)
def _operator(tar: Path, _version: str) -> None:
    """The files of the official image: the program for this architecture, and a link to it."""
    with tree(tar) as root:
        (root / "operator").mkdir()
        # The operator compares the program of each instance with these files.
        shutil.copy(build(CLOUDNATIVE_PG), root / "operator/manager_amd64")
        (root / "manager").symlink_to("operator/manager_amd64")


@layer("cloudnative_pg_servers", seconds=120)
def _servers(tar: Path, major: str) -> None:
    """PostgreSQL of a major version with pgvector, and PgBouncer."""
    packages = (f"postgresql-{major}", f"postgresql-{major}-pgvector", "pgbouncer", "ca-certificates")
    hooks = (f'chroot "$1" usermod -u {_POSTGRES_USER} postgres', _PGBOUNCER)
    options = (f"--essential-hook={_NO_SERVER}", *(f"--customize-hook={hook}" for hook in hooks))
    debian(tar, packages, release=_RELEASE, options=options)
