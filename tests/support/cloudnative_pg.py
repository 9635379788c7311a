"""CloudNativePG's custom resource definitions, of its Go module."""

import json
import shutil
import subprocess
from pathlib import Path

CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0"


def definitions() -> Path:
    """Directory with the manifests; downloads the module if it is missing."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", CLOUDNATIVE_PG]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "bases"
