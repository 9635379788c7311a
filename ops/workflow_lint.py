"""actionlint and zizmor on the workflows: `python -m ops.workflow_lint`.

actionlint is a Go program; its package on PyPI downloads a release at installation, so that it is built from Go modules
here, as the toolchain is.
"""

import subprocess
import sys
from pathlib import Path

from local.errors import LocalError
from local.toolchain.go_programs import ACTIONLINT, build
from stack_config.files import ROOT

WORKFLOWS = Path(".github", "workflows")


def main(directory: Path = ROOT) -> int:
    """Exit code: 0, no findings; 1, findings, which are printed, or actionlint could not be built."""
    files = sorted(str(file) for file in (directory / WORKFLOWS).glob("*.yml"))
    if not files:
        print(f"{directory / WORKFLOWS}: there is no workflow to check", file=sys.stderr)
        return 1
    try:
        actionlint = build(ACTIONLINT)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    # Without shellcheck and pyflakes, which may or may not be installed: the same findings on every machine.
    commands = (
        [str(actionlint), "-shellcheck=", "-pyflakes=", *files],
        [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", "--quiet", *files],
    )
    codes = [subprocess.run(command, cwd=directory, check=False).returncode for command in commands]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
