"""Custom resource definitions of CloudNativePG and of its Barman Cloud plugin, of their Go modules."""

import json
import shutil
import subprocess
from pathlib import Path

CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0"
BARMAN_CLOUD = "github.com/cloudnative-pg/plugin-barman-cloud@v0.13.0"


def definitions(module: str = CLOUDNATIVE_PG) -> Path:
    """Directory with the manifests; downloads the module if it is missing.

    Args:
        module: path of a Go module, with its version.
    """
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", module]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "bases"
