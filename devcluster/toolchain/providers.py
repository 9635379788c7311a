"""The providers `kubernetes` and `random`: the official ones if they can be installed, else provider emulators."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import emulators
from host.directories import cache_directory
from stack_config.files import ROOT
from terminal.console import notices, step

from .pulumi_cli import installed_plugins
from .releases import can_be_downloaded

INSTALL_SECONDS = 300
_MARK = ".provider-emulators"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider in the version that the installed SDK package requires."""

    name: str
    version: str

    @property
    def executable(self) -> str:
        """Name of the executable, which the engine looks for on PATH first."""
        return f"pulumi-resource-{self.name}"


def needed() -> list[Provider]:
    """The providers of the program."""
    return [Provider(name=name, version=version(f"pulumi-{name}")) for name in emulators.PROVIDERS]


@cache
def search_path(pulumi: Path) -> str:
    """PATH for the engine: the CLI's directory, preceded by emulators for the providers that cannot be installed."""
    directories = [str(pulumi.parent), _path_without_emulators()]
    missing = [provider for provider in needed() if not shutil.which(provider.executable, path=directories[1])]
    if missing:
        installed = installed_plugins(pulumi)
        missing = [provider for provider in missing if (provider.name, provider.version) not in installed]
    if missing and can_be_downloaded():
        missing = [provider for provider in missing if not _install(provider, pulumi)]
    if missing:
        directories.insert(0, str(_emulator_directory(missing)))
        names = " and ".join(provider.name for provider in missing)
        notices.print(
            f"[yellow]The official provider plugins for {names} cannot be downloaded: using the provider "
            "emulators of this project.[/yellow] They follow the official ones (emulators/)."
        )
    return os.pathsep.join(directories)


def uses_emulators(path: str) -> bool:
    """Whether a PATH of `search_path` contains emulators."""
    return any(map(_has_emulators, path.split(os.pathsep)))


def _path_without_emulators() -> str:
    """PATH of this process without emulators, so that a child process does not use them as official providers."""
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(directory for directory in directories if not _has_emulators(directory))


def _has_emulators(directory: str) -> bool:
    # Marked by a file, because the directory may be in the cache of another user or of a test.
    return (Path(directory) / _MARK).exists()


def _install(provider: Provider, pulumi: Path) -> bool:
    command = [str(pulumi), "plugin", "install", "resource", provider.name, provider.version]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        with step(f"download the official provider {provider.name} {provider.version}", 20):
            subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True
            )
    except subprocess.TimeoutExpired:
        return False
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()
        notices.print(f"the download failed: {reason[-1] if reason else error.returncode}", markup=False)
        return False
    return True


def _emulator_directory(replaced: Iterable[Provider]) -> Path:
    """Directory with this checkout's emulators of these providers. Other checkouts share the cache."""
    names = sorted(provider.executable for provider in replaced)
    checkout = hashlib.sha256(f"{ROOT}\n{sys.executable}".encode()).hexdigest()[:12]
    directory = cache_directory() / "emulators" / checkout / "+".join(names)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).touch()
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        emulators.install(Path(scratch))
        for name in names:
            # Atomically, because the engine of another command may be starting the existing file.
            (Path(scratch) / name).replace(directory / name)
    return directory
