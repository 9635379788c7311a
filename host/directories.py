"""Directories outside the checkout: built programs, clusters, stack state."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from terminal.errors import UsageError

CACHE_VARIABLE = "OPEN_WEBUI_STACK_CACHE"
_ANOTHER = f"It is for built programs, clusters and state. To use another one: export {CACHE_VARIABLE}=<directory>"


def cache_directory() -> Path:
    """``$OPEN_WEBUI_STACK_CACHE``, else ``open-webui-stack`` in the user's cache directory. For the owner only.

    Raises:
        UsageError: it cannot be created; the message says how to name another one. So do all functions here.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        if chosen := os.environ.get(CACHE_VARIABLE):
            return _private(Path(chosen).expanduser().absolute())
        # The XDG base directory specification: a relative path is ignored.
        return _private((base if base.is_absolute() else Path.home() / ".cache") / "open-webui-stack")
    except RuntimeError as error:
        raise UsageError(f"there is no home directory for the cache.\n{_ANOTHER}") from error


def programs_directory() -> Path:
    """Programs that were built or downloaded. No command removes them: a build takes a quarter of an hour."""
    return _private(cache_directory() / "programs")


def state_directory() -> Path:
    """State of the stacks: Pulumi's file backend."""
    return _private(cache_directory() / "state")


def environment_directory(environment: str) -> Path:
    """Files of one environment: its cluster's kubeconfig, its copy of the config."""
    return _private(_private(cache_directory() / "environments") / environment)


def clusters_directory() -> Path:
    """Clusters with simulated nodes: kwokctl's work directory, with their keys, data and logs."""
    return _private(cache_directory() / "kwok")


def nodes_directory() -> Path:
    """The real nodes on this machine: their containers, volumes and logs."""
    return _private(cache_directory() / "nodes")


def images_directory() -> Path:
    """Container images built from packages. No command removes them: a build takes minutes."""
    return _private(cache_directory() / "images")


def locks_directory() -> Path:
    """Lock files."""
    return _private(cache_directory() / "locks")


def environments_in_use() -> list[str]:
    """Environments that `up` deployed from this machine and `down` has not removed."""
    directory = cache_directory() / "environments"
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def passphrase_file() -> Path:
    """File with the passphrase that encrypts the secrets in the state, created at the first call."""
    file = cache_directory() / "passphrase"
    if not file.exists():
        descriptor, draft = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_hex(32))
        # A link fails when the name exists: two commands that start together use the same passphrase.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        os.unlink(draft)
    return file


def write(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file. At every moment it has the old text or the new one, even on a full disk.

    Args:
        file: to write, in a directory that exists.
        text: its contents.
        mode: its permissions: those of the owner only.
    """
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
            os.fchmod(out.fileno(), mode)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise


def _private(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror}.\n{_ANOTHER}") from error
    return directory
