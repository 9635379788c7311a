"""Provider emulators for Pulumi's `random` and `kubernetes`, for machines that cannot install the official providers.

They are served as plugins by `python -m emulators <name>`; the engine finds them on `PATH` under the official
names. They follow the official providers (operations, replace reasons, diff paths, await, error texts), so that what
passes with them passes with the official ones. What they do not serve fails and names what was asked for.
"""

import shlex
import sys
from pathlib import Path

PROVIDERS = ("random", "kubernetes")


def install(directory: Path) -> None:
    """Write the executables `pulumi-resource-random` and `pulumi-resource-kubernetes` into `directory`.

    Put `directory` first on `PATH` and the engine starts them instead of looking for the official plugins. The
    directory is created if it is not there; executables of an earlier call are replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    project_root = Path(__file__).resolve().parents[1]
    for provider in PROVIDERS:
        executable = directory / f"pulumi-resource-{provider}"
        executable.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(project_root))} "
            f'exec {shlex.quote(sys.executable)} -m emulators {provider} "$@"\n'
        )
        executable.chmod(0o755)
