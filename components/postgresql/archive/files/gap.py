"""Whether the log after the newest base backup has a gap.

An agent knows what it gave up. The one that replaces it does not.
"""

import sys

from .catalogue import Bucket
from .config import Config
from .programs import FOUND


def main(arguments: list[str]) -> None:
    """End with `FOUND` when the archive with that identifier has a gap."""
    [identifier] = arguments
    config = Config.read()
    waiting = {file.stem for file in (config.data / "pg_wal" / "archive_status").glob("*.ready")}
    if missing := Bucket(config).archive(identifier).gap(waiting):
        print(f"the segment {missing} is missing")
        sys.exit(FOUND)
