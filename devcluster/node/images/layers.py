"""The layers of the stack's images and of the node's own: Debian, Open WebUI, programs of Go."""

import shutil
import tempfile
from pathlib import Path

from ...toolchain.go_programs import COREDNS, POSTGRES_EXPORTER, build
from . import making
from .making import SITE_PACKAGES, layer, pip_install, tree

ASYNC_TIMEOUT = "async-timeout==5.0.1"
"""Open WebUI's packages need it with Python before 3.11.3, which Debian has. Newer versions contain it."""

OPEN_WEBUI = "open_webui_without_bytecode"
"""Name of the layer with a version of Open WebUI, which is its argument."""

_PACKAGES = ("python3", "ca-certificates", "redis-server", "libnss-wrapper", "prometheus-redis-exporter")

_START = """\
#!/usr/bin/env bash
exec python -m uvicorn open_webui.main:app --host "${HOST:-0.0.0.0}" --port "${PORT:-8080}" \\
  --forwarded-allow-ips "${FORWARDED_ALLOW_IPS:-*}" --workers "${UVICORN_WORKERS:-1}"
"""
"""The last command of the start script of the official image; the package does not contain that script."""


@layer("debian", seconds=60)
def _debian(tar: Path, _argument: str) -> None:
    making.debian(tar, _PACKAGES)


@layer("coredns", seconds=1)
def _coredns(tar: Path, _argument: str) -> None:
    with tree(tar) as root:
        shutil.copy(build(COREDNS), root / "coredns")


@layer("postgres_exporter", seconds=1)
def _postgres_exporter(tar: Path, _argument: str) -> None:
    with tree(tar) as root:
        (root / "bin").mkdir()
        shutil.copy(build(POSTGRES_EXPORTER), root / "bin/postgres_exporter")


@layer(OPEN_WEBUI, seconds=90)
def _open_webui(tar: Path, version: str) -> None:
    """The layout of the official image: /app/backend/open_webui, /app/build, /app/package.json; no bytecode."""
    with tree(tar) as root, tempfile.TemporaryDirectory(dir=tar.parent) as scratch:
        wheel = Path(scratch)
        pip_install(wheel, f"open-webui=={version}", "--no-deps")
        backend = root / "app/backend"
        backend.mkdir(parents=True)
        shutil.move(wheel / "open_webui", backend / "open_webui")
        shutil.move(backend / "open_webui/frontend", root / "app/build")
        (root / "app/package.json").write_text(f'{{"name": "open-webui", "version": "{version}"}}\n')
        (backend / "data").mkdir()
        (backend / "start.sh").write_text(_START)
        requirements = next(wheel.rglob("requirements-slim.txt"))
        pip_install(root / SITE_PACKAGES, "-r", str(requirements), ASYNC_TIMEOUT)
        (root / "usr/local/bin").mkdir(parents=True)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
