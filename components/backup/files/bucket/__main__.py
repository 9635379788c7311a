"""The container: `python -m bucket capture | push | list | fetch NAME [no-uploads] | uploads NAME`.

Exit status: 0 done, 1 refused or failed (the reason is the last line), 143 stopped by a signal.
"""

import os
import signal
import sys
from pathlib import Path

from .age import AgeError
from .fetch import fetch, put_uploads, show
from .output import say
from .push import capture_before, push
from .store import BucketError, Store
from .volume import Volume, VolumeError


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit status."""
    # The first process of a container gets no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    environment = os.environ
    try:
        _run(Store(environment), Volume(Path(environment["BACKUP_DIRECTORY"])), arguments)
    except (BucketError, VolumeError, AgeError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.strerror or type(error).__name__}: {error.filename or 'the volume'}")
        return 1
    return 0


def _run(store: Store, volume: Volume, arguments: list[str]) -> None:
    match arguments:
        case ["capture"]:
            capture_before(store, volume, os.environ)
        case ["push"]:
            push(store, volume, os.environ)
        case ["list"]:
            show(store)
        case ["fetch", name]:
            fetch(store, volume, os.environ, name, uploads=True)
        case ["fetch", name, "no-uploads"]:
            fetch(store, volume, os.environ, name, uploads=False)
        case ["uploads", name]:
            put_uploads(store, os.environ, name)
        case _:
            raise VolumeError("Usage: capture | push | list | fetch NAME [no-uploads] | uploads NAME.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
