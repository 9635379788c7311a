"""The real Tika with the rendered configuration, as a process of the containers' user."""

import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.tika.configuration import CONFIG_FILE
from components.tika.names import APP, CONFIG_MAP, PORT
from devcluster.toolchain import tika_server as archive
from terminal.errors import LocalError
from tests.support.servers.addresses import free_port
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import missing, not_there, running, wait_until_answered

_START_SECONDS = 90


@dataclass(frozen=True)
class Tika:
    """A running server."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def extract(self, content: bytes) -> str:
        """What it answers to Open WebUI's request for the text of a document.

        Raises:
            HTTPError: it could not extract the text.
        """
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.url}/tika/text", content, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=120) as response:
            return str(response.read().decode())


@contextmanager
def tika(directory: Path, *sets: str) -> Iterator[Tika]:
    """Tika as the stack deploys it, while the block runs. Only address, port and directory are this machine's.

    Args:
        directory: of the servers' user.
        sets: ``KEY=VALUE`` over the config of `dev`.
    """
    java = shutil.which("java")
    if not java:
        missing("java", "default-jre-headless")
    try:
        jar = shutil.copy(archive.tika_server(), directory)
    except LocalError as error:
        not_there(str(error))
    port = free_port()
    config = directory / CONFIG_FILE
    text = str(rendered("dev", "ConfigMap", CONFIG_MAP, sets)["data"][CONFIG_FILE])
    config.write_text(text.replace("0.0.0.0", "127.0.0.1").replace(f">{PORT}<", f">{port}<"))
    [container] = rendered("dev", "Deployment", APP, sets)["spec"]["template"]["spec"]["containers"]
    options, value = container["args"]
    assert value.endswith(f"/{CONFIG_FILE}")
    variables = {each["name"]: each["value"] for each in container["env"]}
    log = directory / "log"
    log.touch()
    # As the entrypoint of the image.
    command = [str(java), "-cp", str(jar), "org.apache.tika.server.core.TikaServerCli"]
    command += ["-h", "127.0.0.1", str(options), str(config)]
    environment = {"PATH": f"{Path(str(java)).parent}:/usr/bin:/bin", **variables}
    with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM, environment=environment) as process:
        server = Tika(f"http://127.0.0.1:{port}", process, log)
        wait_until_answered(f"{server.url}/version", process, log, "Tika answers", _START_SECONDS)
        yield server
