"""The files of Open WebUI's image, from its package of the release that the stack deploys."""

import json
import shutil
from pathlib import Path

from components.open_webui.settings import OpenWebUISettings
from stack_config.files import ROOT
from tests.support.servers.server_process import not_there

PACKAGES = ROOT / ".venv-open-webui"
"""Virtual environment of Open WebUI (``make .venv-open-webui/ready``)."""

VERSION = OpenWebUISettings().version


def installed_package() -> Path:
    """The installed package of Open WebUI."""
    installed = list(PACKAGES.glob("lib/python3*/site-packages/open_webui")) if (PACKAGES / "ready").exists() else []
    if not installed:
        not_there("Open WebUI is missing; install it with: make .venv-open-webui/ready (Python 3.11 or 3.12)")
    (package,) = installed
    return package


def lay_out_image(directory: Path, other_package: Path | None = None, version: str = VERSION) -> None:
    """The image's files: /app/backend/open_webui, /app/build, /app/package.json (devcluster/node/images/layers.py).

    Args:
        directory: the root of the image.
        other_package: the package of another release; None for the installed one. The front end is the installed one.
        version: that release.
    """
    installed = installed_package()
    package = other_package or installed
    backend = directory / "app" / "backend"
    backend.mkdir(parents=True)
    # Open WebUI finds everything else by its own path, in which it follows links: a copy, without the large part.
    shutil.copytree(
        package, backend / "open_webui", ignore=lambda path, _: ["frontend"] if path == str(package) else []
    )
    (directory / "app" / "build").symlink_to(installed / "frontend")
    (directory / "app" / "package.json").write_text(json.dumps({"name": "open-webui", "version": version}))
