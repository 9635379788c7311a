"""`python scripts/make_venv.py DIRECTORY REQUIREMENTS USUAL [OPTION...]`: create an environment of pinned packages.

A second `make` waits for the first one and uses its environment. Imports only the standard library, because it runs
before anything is installed.
"""

import fcntl
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Create the environment if it does not exist or is older than the requirements.

    Args:
        arguments: the directory, the requirements file, the usual duration to print, then options of ``pip install``.
            ``DIRECTORY/ready`` marks a complete environment; an interrupted run does not write it, and the next run
            continues.
    """
    directory, requirements, usual = Path(arguments[0]), Path(arguments[1]), arguments[2]
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting: another command creates {directory}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        ready = directory / "ready"
        if ready.exists() and ready.stat().st_mtime >= requirements.stat().st_mtime:
            return
        print(f"… install {requirements} into {directory} (usually {usual})", file=sys.stderr)
        _run(sys.executable, "-m", "venv", str(directory))
        python = str(directory / "bin" / "python")
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
        _run(*pip, "--require-hashes", *arguments[3:], "-r", str(requirements))
        # On all cores: pip would use one. Packages have files that are not for this Python; pip skips them, too.
        compiling = (python, "-m", "compileall", "-qq", "--workers", "0", str(directory / "lib"))
        subprocess.run(compiling, check=False)
        ready.touch()


def _run(*command: str) -> None:
    if code := subprocess.run(command, check=False).returncode:
        sys.exit(code)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
