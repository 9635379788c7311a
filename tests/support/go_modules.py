"""Files of Go modules, as they were published."""

import json
import shutil
import subprocess
from pathlib import Path


def module_directory(module: str) -> Path:
    """Directory of a Go module; downloads it if it is missing.

    Args:
        module: its path, with its version.
    """
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", module]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])
