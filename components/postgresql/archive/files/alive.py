"""Exit status 0 while the agent renews its sign of life: the liveness probe of the archive container."""

import os
import sys
import time
from pathlib import Path

_SILENT_SECONDS = 60


def main() -> None:
    """End the process with the status."""
    try:
        age = time.time() - (Path(os.environ["EXCHANGE"]) / "alive").stat().st_mtime
    except FileNotFoundError:
        sys.exit(1)
    sys.exit(age > _SILENT_SECONDS)


if __name__ == "__main__":
    main()
