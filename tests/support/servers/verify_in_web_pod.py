"""What `stackctl.verify` finds out about Redis inside a web pod, with the variables that such a pod has."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackctl.deployed.kubectl import program
from stackctl.verify.scripts import SCRIPTS
from tests.support.servers.redis_nodes import names_wrapper

SERVED = {"REDIS_URL": "", "WEBSOCKET_REDIS_URL": "", "ping": "PONG", "allowed": []}
"""What it finds when all is well."""


def redis_access(variables: Mapping[str, str], hosts: Path, ask: str) -> Any:
    """The script's answer: of ``access`` without the number of commands, of ``subscribers`` their number."""
    environment = {**os.environ, **variables, "LD_PRELOAD": names_wrapper(), "NSS_WRAPPER_HOSTS": str(hosts)}
    text = program(SCRIPTS / "redis_access.py", {"ask": ask})
    done = subprocess.run(
        [sys.executable, "-"], input=text, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return {name: answer[name] for name in SERVED} if ask == "access" else answer
