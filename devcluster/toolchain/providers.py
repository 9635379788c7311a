"""The providers `kubernetes` and `random`: the official ones wherever they can be had, else stand-ins."""

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
_MARK = ".stand-ins"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider at the version that the installed SDK package asks for."""

    name: str
    version: str

    @property
    def executable(self) -> str:
        """Name under which the engine looks for it on PATH, before anywhere else."""
        return f"pulumi-resource-{self.name}"


def needed() -> list[Provider]:
    """The providers of the program."""
    return [Provider(name=name, version=version(f"pulumi-{name}")) for name in emulators.PROVIDERS]


@cache
def search_path(pulumi: Path) -> str:
    """PATH for the engine: the CLI's directory, with stand-ins before it for providers that cannot be had."""
    directories = [str(pulumi.parent), _path_without_stand_ins()]
    missing = [provider for provider in needed() if not shutil.which(provider.executable, path=directories[1])]
    if missing:
        installed = installed_plugins(pulumi)
        missing = [provider for provider in missing if (provider.name, provider.version) not in installed]
    if missing and can_be_downloaded():
        missing = [provider for provider in missing if not _install(provider, pulumi)]
    if missing:
        directories.insert(0, str(_stand_in_directory(missing)))
        names = " and ".join(provider.name for provider in missing)
        notices.print(
            f"[yellow]The official provider plugins for {names} cannot be downloaded here: stand-ins of this project "
            "take their place.[/yellow] They follow the official ones (emulators/)."
        )
    return os.pathsep.join(directories)


def uses_stand_ins(path: str) -> bool:
    """Whether a PATH of `search_path` has stand-ins in it."""
    return any(map(_is_of_stand_ins, path.split(os.pathsep)))


def _path_without_stand_ins() -> str:
    """PATH of this process. A program started with a PATH of `search_path` does not take stand-ins for the official."""
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(directory for directory in directories if not _is_of_stand_ins(directory))


def _is_of_stand_ins(directory: str) -> bool:
    # A mark rather than a place: it may be in the cache directory of another user or of a test.
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
        notices.print(f"it cannot be had: {reason[-1] if reason else error.returncode}", markup=False)
        return False
    return True


def _stand_in_directory(replaced: Iterable[Provider]) -> Path:
    """Directory with this checkout's stand-ins of just these providers. Other checkouts share the cache."""
    names = sorted(provider.executable for provider in replaced)
    checkout = hashlib.sha256(f"{ROOT}\n{sys.executable}".encode()).hexdigest()[:12]
    directory = cache_directory() / "stand-ins" / checkout / "+".join(names)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).touch()
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        emulators.install(Path(scratch))
        for name in names:
            # Renamed into place: an engine of another command may be starting the one that is there.
            (Path(scratch) / name).replace(directory / name)
    return directory
