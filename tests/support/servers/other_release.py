"""Another release of Open WebUI than the installed one, which runs with the packages of that one."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from stackctl.variables.reading import PACKAGE
from stackctl.variables.release_table import WheelError, download
from tests.support.servers.open_webui import OpenWebUI
from tests.support.servers.open_webui_image import lay_out_image
from tests.support.servers.server_process import not_there, server_directory

FRONT_END = f"{PACKAGE}/frontend/"

OWN_PACKAGES = ("mcp",)
"""Packages that the other release needs in its own version, and imports at its start."""

OF_OWN_PACKAGES = ("httpx-sse==0.4.0", "pydantic-settings==2.7.1", "sse-starlette==2.2.1")
"""What those packages need, and the installed release does not have."""


@contextmanager
def other_release(deployment: OpenWebUI, release: str) -> Iterator[OpenWebUI]:
    """The Deployment with another release, on the same servers, while the block runs. The front end is the present one.

    Args:
        deployment: of the installed release.
        release: the other one; pip downloads its wheel.
    """
    with server_directory() as directory:
        pins = _unpack(directory, release)
        lay_out_image(directory / "image", directory / PACKAGE, release)
        # The working directory of the containers comes before the installed packages.
        backend = directory / "image" / "app" / "backend"
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run([*pip, f"--target={backend}", *pins, *OF_OWN_PACKAGES], check=True)
        yield replace(deployment, directory=directory, sets=(*deployment.sets, f"openWebui.version={release}"))


def _unpack(directory: Path, release: str) -> list[str]:
    """Unpack the release without its front end. Returns its requirements of `OWN_PACKAGES`."""
    try:
        wheel = download(release, directory)
    except WheelError as error:
        not_there(str(error))
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if name.startswith(f"{PACKAGE}/")]
        archive.extractall(directory, [name for name in files if not name.startswith(FRONT_END)])
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        required = re.findall(r"^Requires-Dist: (\S+)$", archive.read(metadata).decode(), re.MULTILINE)
    wheel.unlink()
    return [pin for pin in required if pin.partition("==")[0] in OWN_PACKAGES]
