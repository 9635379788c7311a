"""Custom resource definitions of CloudNativePG and of its Barman Cloud plugin, of their Go modules."""

import json
import shutil
import subprocess
from pathlib import Path

CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0"
BARMAN_CLOUD = "github.com/cloudnative-pg/plugin-barman-cloud@v0.13.0"


def definitions(module: str = CLOUDNATIVE_PG) -> Path:
    """Directory with the manifests.

    Args:
        module: `CLOUDNATIVE_PG` or `BARMAN_CLOUD`.
    """
    return module_directory(module) / "config" / "crd" / "bases"


def module_directory(module: str) -> Path:
    """Directory of a Go module; downloads it if it is missing.

    Args:
        module: its path, with its version.
    """
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", module]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])
