"""A real HTTP proxy (tinyproxy) on loopback."""

import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import missing, running, wait_until

_CONFIGURATION = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
LogLevel Connect
"""


@dataclass(frozen=True)
class HttpProxy:
    """A running proxy."""

    url: str
    log: Path

    def tunnels_to(self, target: str) -> int:
        """How often a client asked for a tunnel to ``host:port``."""
        return self.log.read_text().count(f"CONNECT {target} ")


@contextmanager
def http_proxy(directory: Path) -> Iterator[HttpProxy]:
    """The proxy, while the block runs.

    Args:
        directory: for its configuration and log.
    """
    program = shutil.which("tinyproxy", path="/usr/bin:/usr/sbin:/usr/local/bin")
    if program is None:
        missing("tinyproxy", "tinyproxy")
    port = free_port()
    configuration = directory / "tinyproxy.conf"
    configuration.write_text(_CONFIGURATION.format(port=port))
    log = directory / "tinyproxy.log"
    with running(
        [str(program), "-d", "-c", str(configuration)],
        directory=directory,
        log=log,
        stop_signal=signal.SIGTERM,
        environment={"PATH": "/usr/bin:/bin"},
        as_container_user=False,
    ):
        wait_until(lambda: _listens(port), "the proxy listens")
        yield HttpProxy(f"http://127.0.0.1:{port}", log)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
