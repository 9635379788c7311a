"""Check in advance what `migrate` would refuse, while the old replicas still serve.

It only reads the database, and writes, reads and deletes one object in the bucket of uploads.

Environment: that of the new replicas, and how many seconds the database and the S3 service may be unreachable
(PREFLIGHT_WAIT_SECONDS).

Exit status: 0, an update can go on; 1, it must not, and the last lines say why; 143, ended by SIGTERM.
"""

import os
import sys

from .checks import bucket_problems, database_problems
from .database import connect, prepare_session
from .output import RefusedError, log, seconds
from .pooler import require_session
from .release import read_release
from .script import run
from .vector_tables import keep_index_method


def preflight() -> None:
    """Check the database and the bucket for the image's Open WebUI.

    Raises `RefusedError` with all problems.
    """
    release = read_release()
    patience = seconds("PREFLIGHT_WAIT_SECONDS")
    problems = bucket_problems(patience)
    try:
        with connect(patience) as connection:
            require_session(connection)
            prepare_session(connection)
            connection.execute(b"SET default_transaction_read_only = on")
            keep_index_method(connection, os.environ)
            problems += database_problems(connection, release)
    except RefusedError as error:
        problems += error.reasons
    if problems:
        raise RefusedError(*problems)
    log(f"Open WebUI {release.version} can start on this database.")


if __name__ == "__main__":
    sys.exit(run(preflight))
