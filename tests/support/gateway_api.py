"""The Gateway API's custom resource definitions, of its Go module."""

import json
import shutil
import subprocess
from pathlib import Path

GATEWAY_API = "sigs.k8s.io/gateway-api@v1.6.3"
"""1.7.0 needs a newer Go than the toolchain."""


def definitions() -> Path:
    """Directory with the manifests of the standard channel; downloads the module if it is missing."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", GATEWAY_API]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "standard"
