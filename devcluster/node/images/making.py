"""How the layers of images are made: each is a tar file that is built once from packages."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from terminal.console import step
from terminal.errors import LocalError

RELEASE = "bookworm"
"""The release of Debian that images stand on by default."""

PYTHON = "3.11"
"""The version of Python in that release."""

SITE_PACKAGES = f"usr/local/lib/python{PYTHON}/dist-packages"
"""Where that Python looks for packages, below the root of a layer."""

_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
_NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_MANUALS = "/usr/share/man/*"

Maker = Callable[[Path, str], None]
"""Writes the tar file of a layer; gets its path and the argument in the name of the layer."""


@dataclass(frozen=True)
class _Layer:
    maker: Maker
    seconds: int


_layers: dict[str, _Layer] = {}


def layer(name: str, *, seconds: int) -> Callable[[Maker], Maker]:
    """Decorator of the function that makes a layer.

    Args:
        name: of the layer. What it contains changes only with the name: machines keep what they have built.
        seconds: that it usually takes.
    """

    def register(maker: Maker) -> Maker:
        _layers[name] = _Layer(maker, seconds)
        return maker

    return register


def make(name: str, directory: Path) -> Path:
    """The tar file of a layer; builds it if necessary.

    Args:
        name: name of a layer, with its argument after a colon.
        directory: directory of the layers.

    Raises:
        LocalError: the build failed; the message contains the output of the program.
    """
    file = directory / f"{name.replace(':', '-')}.tar"
    if not file.exists():
        kind, _, argument = name.partition(":")
        with step(f"build the image layer {name} from packages", _layers[kind].seconds):
            partial = file.with_suffix(".partial")
            _layers[kind].maker(partial, argument)
            os.replace(partial, file)
    return file


@contextmanager
def tree(tar: Path) -> Iterator[Path]:
    """An empty directory; its content becomes the layer."""
    # Beside the tar file, because /tmp may be small or on another file system.
    with tempfile.TemporaryDirectory(dir=tar.parent) as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        yield root
        _run(["tar", "--create", f"--file={tar}", "--numeric-owner", "--sort=name", f"--directory={root}", "."])


def debian(
    tar: Path, packages: Sequence[str], *, release: str = RELEASE, manuals: bool = False, options: Sequence[str] = ()
) -> None:
    """A minimal Debian.

    Args:
        tar: file of the layer.
        packages: what it has besides.
        release: of Debian.
        manuals: with the manuals, to which the links of some packages have to lead.
        options: further ones of mmdebstrap.
    """
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in (*_NOT_NEEDED, *(() if manuals else (_MANUALS,)))]
    _run([*command, *options, "--format=tar", release, str(tar), *_debian_sources(release)])


def _debian_sources(release: str) -> list[str]:
    """The package sources of this machine if they are for the release, else the default of mmdebstrap."""
    for file in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if file.exists() and release in file.read_text():
            return [str(file)]
    return []


def pip_install(target: Path, *requirements: str) -> None:
    """Install packages of PyPI for the Python of the images, without bytecode.

    Args:
        target: directory.
        requirements: arguments of pip.
    """
    platforms = [f"--platform={platform}" for platform in _PLATFORMS]
    # fmt: off
    _run([
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
        f"--target={target}", f"--python-version={PYTHON}", "--implementation=cp", "--only-binary=:all:", *platforms,
        "--root-user-action=ignore", *requirements,
    ])
    # fmt: on


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise LocalError(f"an image could not be built: {command[0]} ended with {done.returncode}\n{last}")
