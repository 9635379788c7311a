"""The directory that all workers of a run share: what one of them has made for the others."""

from pathlib import Path

_directories: list[Path] = []


def use_run_directory(directory: Path) -> None:
    """Share that directory from now on. Every worker of a run names the same one."""
    _directories[:] = [directory]


def run_directory() -> Path:
    """The directory."""
    [directory] = _directories
    return directory
