"""The Tika server that the real node and the tests run: its Java archive, from Maven."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from host.directories import programs_directory
from host.locks import exclusive
from terminal.console import step
from terminal.errors import LocalError

VERSION = "3.3.2"
"""A release of the series of the image (`components/tika/settings.py`)."""
_ARTIFACT = f"org.apache.tika:tika-server-standard:{VERSION}"
# Version 2 of the plugin resolves the archive without its POM, whose parent the registry may not serve.
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.10:get"
_DOWNLOAD_SECONDS = 15


def tika_server() -> Path:
    """The archive, with all dependencies in it; downloaded at the first call.

    Raises:
        LocalError: Maven is missing or failed; the message contains its output.
    """
    file = programs_directory() / f"tika-server-standard-{VERSION}.jar"
    with exclusive("tika-server", "downloads Tika"):
        if not file.exists():
            with step(f"download Tika {VERSION}", _DOWNLOAD_SECONDS):
                _download(file)
    return file


def _download(file: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise LocalError("Maven is missing, which downloads Tika. On Debian: apt-get install maven")
    with tempfile.TemporaryDirectory(dir=file.parent) as repository:
        command = [maven, "--batch-mode", "--quiet", f"-Dmaven.repo.local={repository}", _PLUGIN]
        command += [f"-Dartifact={_ARTIFACT}", "-Dtransitive=false"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        downloaded = next(Path(repository).rglob(file.name), None)
        if done.returncode or downloaded is None:
            last = "\n".join(done.stdout.splitlines()[-20:])
            raise LocalError(f"Tika could not be downloaded: mvn ended with {done.returncode}\n{last}")
        os.replace(downloaded, file)
