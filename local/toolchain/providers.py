"""The providers `kubernetes` and `random`: the official ones wherever they can be had, else stand-ins."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from .. import standins
from ..console import notices, step
from ..directories import cache_directory
from .pulumi_cli import installed_plugins

INSTALL_SECONDS = 300


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
    return [Provider(name=name, version=version(f"pulumi-{name}")) for name in standins.PROVIDERS]


@cache
def search_path(pulumi: Path) -> str:
    """PATH for the engine: the CLI's directory, with stand-ins before it for providers that cannot be had."""
    directories = [str(pulumi.parent), os.environ.get("PATH", os.defpath)]
    with step("look for the official providers"), ThreadPoolExecutor() as pool:
        found = pool.map(lambda provider: _official(provider, pulumi), needed())
        replaced = [provider for provider, official in zip(needed(), found, strict=True) if not official]
    if replaced:
        directories.insert(0, str(_stand_in_directory(replaced)))
        names = " and ".join(provider.name for provider in replaced)
        notices.print(
            f"[yellow]The official provider plugins for {names} cannot be downloaded here: stand-ins of this project "
            "take their place.[/yellow] They follow the official ones (local/standins/)."
        )
    return os.pathsep.join(directories)


def uses_stand_ins(path: str) -> bool:
    """Whether a PATH of `search_path` has stand-ins in it."""
    return str(_stand_ins_root()) in path


def _official(provider: Provider, pulumi: Path) -> bool:
    if shutil.which(provider.executable):
        return True
    if (provider.name, provider.version) in installed_plugins(pulumi):
        return True
    return _install(provider, pulumi)


def _install(provider: Provider, pulumi: Path) -> bool:
    command = [str(pulumi), "plugin", "install", "resource", provider.name, provider.version]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _stand_ins_root() -> Path:
    return cache_directory() / "stand-ins"


def _stand_in_directory(replaced: Iterable[Provider]) -> Path:
    """Directory with the stand-ins of just these providers."""
    names = sorted(provider.executable for provider in replaced)
    directory = _stand_ins_root() / "+".join(names)
    standins.install(directory)
    for executable in directory.iterdir():
        if executable.name not in names:
            executable.unlink()
    return directory
