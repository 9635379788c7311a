"""The layers of exporters that not every node needs."""

import shutil
from pathlib import Path

from ...toolchain.go_programs import PGBOUNCER_EXPORTER, build
from .making import layer, tree

PGBOUNCER_EXPORTER_LAYER = "pgbouncer_exporter"


@layer(PGBOUNCER_EXPORTER_LAYER, seconds=1)
def _pgbouncer_exporter(tar: Path, _argument: str) -> None:
    with tree(tar) as root:
        (root / "bin").mkdir()
        shutil.copy(build(PGBOUNCER_EXPORTER), root / "bin/pgbouncer_exporter")
