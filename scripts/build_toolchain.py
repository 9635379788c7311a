"""`python -m scripts.build_toolchain`: build the programs that the tests need, in the order of the tiers.

`.ci/run` runs it in the background. A tier that needs a program waits for its build (`host/locks.py`).
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from devcluster.toolchain.go_programs import (
    CONTROL_PLANE,
    KWOK,
    NODE,
    PGBOUNCER_EXPORTER,
    POSTGRES_EXPORTER,
    PROMETHEUS,
    PROMTOOL,
    SDKGEN,
    GoProgram,
    build,
    kubectl,
)
from devcluster.toolchain.pulumi_cli import pulumi_cli
from terminal.console import notices
from terminal.errors import LocalError

SERVERS = (PROMTOOL, PROMETHEUS, POSTGRES_EXPORTER, PGBOUNCER_EXPORTER)
ENGINE = (*CONTROL_PLANE, KWOK, SDKGEN)
E2E = NODE


def main() -> int:
    """Build what is missing. A build that fails does not stop the others.

    Returns:
        The number of builds that failed.
    """
    builds = [*_of(*SERVERS), pulumi_cli, kubectl, *_of(*ENGINE, *E2E)]
    failed = 0
    for make in builds:
        try:
            make()
        except LocalError as error:
            notices.print(str(error), markup=False)
            failed += 1
    return failed


def _of(*programs: GoProgram) -> list[Callable[[], Path]]:
    return [partial(build, program) for program in programs]


if __name__ == "__main__":
    sys.exit(main())
