"""Where things are kept that are not part of the project: built programs, clusters, stack state."""

import os
import secrets
from pathlib import Path

CACHE_VARIABLE = "OPEN_WEBUI_STACK_CACHE"


def cache_directory() -> Path:
    """``$OPEN_WEBUI_STACK_CACHE``, else ``open-webui-stack`` in the user's cache directory. For the owner only."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        root = Path(chosen)
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "open-webui-stack"
    return _private(root)


def programs_directory() -> Path:
    """Programs that were built or downloaded. Kept by every clean-up: they take a quarter of an hour to make."""
    return _private(cache_directory() / "programs")


def state_directory() -> Path:
    """State of the stacks: Pulumi's file backend."""
    return _private(cache_directory() / "state")


def environment_directory(environment: str) -> Path:
    """What belongs to one environment: its cluster's kubeconfig, its copy of the config."""
    return _private(cache_directory() / "environments" / environment)


def environments_in_use() -> list[str]:
    """Environments that `up` made on this machine and `down` has not taken away."""
    directory = cache_directory() / "environments"
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def passphrase_file() -> Path:
    """File with the passphrase that encrypts the secrets in the state, made at the first call."""
    file = cache_directory() / "passphrase"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_hex(32))
    return file


def _private(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory
