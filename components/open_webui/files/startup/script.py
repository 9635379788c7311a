"""How a script of a pod runs: signals, errors, exit status."""

import os
import signal
import sys
import traceback
from collections.abc import Callable

import psycopg

from .database import described
from .output import RefusedError, log


def run(action: Callable[[], None]) -> int:
    """Run a script. Returns its exit status: 0 if it completed, otherwise 1, with the reason in the last line.

    SIGTERM ends the process with 143.
    """
    # The first process of a container gets no signal it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Open WebUI is in the image's working directory, not installed as a package.
    sys.path.insert(0, os.getcwd())
    try:
        action()
    except RefusedError as error:
        for reason in error.reasons:
            log(reason)
    except psycopg.Error as error:
        log(described(error))
    except Exception as error:
        log(traceback.format_exc())
        log(f"{type(error).__name__}: {' '.join(str(error).split())}")
    else:
        return 0
    return 1
