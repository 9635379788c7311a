"""The scripts that the checks run in pods, with the Python of the image."""

from pathlib import Path
from typing import Any

from ..deployed.stack import WEB, Stack

SCRIPTS = Path(__file__).with_name("inside")


def in_web_pod(stack: Stack, pod: dict[str, Any], script: str, **config: Any) -> Any:
    """Run a script in a web pod, with the environment variables of the replica, and return its output.

    Raises:
        KubectlError: it failed.
    """
    return stack.kubectl.python(pod["metadata"]["name"], SCRIPTS / script, config, container=WEB)
