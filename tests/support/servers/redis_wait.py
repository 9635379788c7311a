"""The wait for Redis with which `migrate` begins, in a process of its own."""

import subprocess
import sys

from tests.support.servers.fake_open_webui import SCRIPTS

_PROGRAM = """
import sys
from startup.script import run
from startup.wait_for_redis import wait_for_redis
sys.exit(run(wait_for_redis))
"""


def redis_wait(url: str, seconds: float, *, preparation: str = "", **variables: str) -> "subprocess.Popen[str]":
    """Start to wait.

    Args:
        url: of both connections of Open WebUI.
        seconds: longest wait.
        preparation: Python that runs before.
        variables: further environment.
    """
    return subprocess.Popen(
        [sys.executable, "-c", preparation + _PROGRAM],
        env={
            "PYTHONPATH": str(SCRIPTS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "REDIS_URL": url,
            "WEBSOCKET_REDIS_URL": url,
            "MIGRATE_REDIS_WAIT_SECONDS": str(seconds),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
