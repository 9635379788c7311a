"""Bring the database to the state from which any number of Open WebUI replicas can start at the same time.

Open WebUI migrates its schema, inserts its configuration, creates the first administrator and the tables of pgvector
without a lock: replicas that start together on an empty or older database make each other fail. This script runs
before each replica, in the replica's own image, and admits one replica at a time. It does not repeat what Open WebUI
does: a child process imports Open WebUI and runs its start until these steps are complete
(`open_webui_start.BOUNDARY`), while this process holds an advisory lock of PostgreSQL. Then this process records the
version in the database (`record.RECORD`): a replica that finds its own version there skips these steps.

If the release changes the schema and replicas of another release serve, they stop before that and serve again if it
fails (`handover`). If the variable SCHEMA_UPGRADE has another value, it refuses to migrate beside such replicas.

Environment: that of the replica, and how many seconds Redis may refuse the credentials or be unreachable
(MIGRATE_REDIS_WAIT_SECONDS), the database may be unreachable (MIGRATE_DATABASE_WAIT_SECONDS),
Open WebUI's part may take (MIGRATE_RUN_SECONDS), another replica may work on the database (MIGRATE_LOCK_WAIT_SECONDS),
replicas of another release may take to notice a lost session (MIGRATE_NOTICE_SECONDS) and to stop
(MIGRATE_HANDOVER_SECONDS).
Where the owner of the tables is not the role that serves, also that role (MIGRATE_CLIENT_ROLE), and the URL with which
the replica logs in (MIGRATE_CLIENT_URL).

Exit status: 0, the replica can start; 1, it must not, and the last line contains the reason; 143, ended by SIGTERM.
PostgreSQL only, and not through a pooler that shares connections between transactions (`pooler`): the lock belongs to
a session.
"""

import os
import sys
import time
from contextlib import ExitStack, closing

from .bucket import BucketUnreachableError, bucket_problem
from .checks import database_problems
from .compile_ahead import compiling_ahead
from .compile_in_turn import compiling_in_turn
from .connection_secrets import connection_problems
from .database import Connection, connect, prepare_session
from .encrypted_data import second_factor_problems
from .handover import Handover, require_no_server
from .lock import take_lock
from .open_webui_start import run_start
from .output import RefusedError, log, seconds
from .pooler import require_session
from .record import record_state, recorded_state, requested_state
from .release import Release, database_revisions, read_release
from .rights import grant_rights, require_client
from .schema_locks import takes_part
from .script import run
from .stored_settings import store_settings
from .vector_tables import can_have_vector_tables, keep_index_method
from .wait_for_redis import wait_for_redis


def migrate() -> None:
    """Migrate the database if the image needs it, and store the settings of the stack. Raises `RefusedError` if this
    is not possible, before it changes anything if it can detect this in advance.
    """
    release = read_release()
    patience = seconds("MIGRATE_RUN_SECONDS")
    if problems := connection_problems(os.environ):
        raise RefusedError(*problems)
    with ExitStack() as session:
        with compiling_ahead():
            # Before the lock, and before the servers of another release stop.
            wait_for_redis()
            report_bucket()
            connection = session.enter_context(connect(seconds("MIGRATE_DATABASE_WAIT_SECONDS")))
        require_session(connection)
        prepare_session(connection)
        with closing(compiling_in_turn(connection)) as compiling:
            take_lock(connection, seconds("MIGRATE_LOCK_WAIT_SECONDS"), compiling)
        keep_index_method(connection, os.environ)
        bring_up_to_date(connection, release, patience)
        client_role = os.environ.get("MIGRATE_CLIENT_ROLE", "")
        grant_rights(connection, client_role)
        require_client(client_role, seconds("MIGRATE_DATABASE_WAIT_SECONDS"))
        # After the first administrator was created, because that step turns sign-up off.
        store_settings(connection, os.environ)


def bring_up_to_date(connection: Connection, release: Release, patience: float) -> None:
    """Run Open WebUI's own start, unless it is complete.

    Raises `RefusedError` if the release cannot start on this database.
    """
    vector_tables = can_have_vector_tables(connection, os.environ)
    requested = requested_state(release, vector_tables=vector_tables)
    revisions = database_revisions(connection)
    if revisions == release.heads and recorded_state(connection) == requested:
        # A key can change while the release and what it has completed stay the same.
        if problems := second_factor_problems(connection, os.environ):
            raise RefusedError(*problems)
        log(f"Nothing to do: the database is ready for Open WebUI {release.version}.")
        return
    if problems := database_problems(connection, release):
        raise RefusedError(*problems)
    log(f"Open WebUI {release.version} starts on a database at revision {', '.join(sorted(revisions)) or 'none'}.")
    if not vector_tables:
        log("No tables for documents: VECTOR_DB is not pgvector, or the database lacks the extension vector.")
    # Without a revision, no replica can serve.
    changes_schema = bool(revisions - release.heads)
    handover = Handover(connection, release.version) if takes_part() and changes_schema else None
    started = time.monotonic()
    if handover:
        handover.require_pause()
    elif changes_schema:
        require_no_server(connection)
    run_start(connection, vector_tables=vector_tables, patience=patience, handover=handover.take if handover else None)
    complete(connection, release, requested)
    if takes_part():
        # Also of an attempt that was lost after the schema had changed.
        Handover(connection, release.version).completed()
    log(f"Ready for Open WebUI {release.version} after {time.monotonic() - started:.0f} s.")


def complete(connection: Connection, release: Release, requested: str) -> None:
    """Check the result of Open WebUI's own start, and record it."""
    if (reached := database_revisions(connection)) != release.heads:
        raise RefusedError(f"The database is at {sorted(reached)} after that, not at {sorted(release.heads)}.")
    record_state(connection, requested)


def report_bucket() -> None:
    """Log the reason if uploads will fail. The preflight refuses an update in this case, but the pod starts: chats
    work without the bucket, and a pod that a drain moves must start again even if a key was revoked in the meantime.
    """
    try:
        problem = bucket_problem(os.environ)
    except BucketUnreachableError as error:
        problem = str(error)
    if problem:
        log(f"Uploads fail until this is fixed: {problem}")


if __name__ == "__main__":
    sys.exit(run(migrate))
