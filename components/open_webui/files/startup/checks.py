"""The reasons for which `migrate` refuses a database and `preflight` an update, found by reading only."""

import os
import time

from .bucket import BucketUnreachableError, bucket_problem
from .connection_secrets import connection_problems
from .database import Connection
from .encrypted_data import second_factor_problems
from .output import log
from .pooler import is_pooled
from .release import Release, database_revisions, revision_problems
from .schema_locks import takes_part
from .server_checks import read_server_state, server_problems
from .vector_tables import applies, read_vector_state, vector_problems, vector_settings


def database_problems(connection: Connection, release: Release) -> list[str]:
    """Why the release cannot start on this database. Nothing is changed there."""
    problems = revision_problems(release, database_revisions(connection))
    problems += server_problems(read_server_state(connection), int(os.environ.get("DATABASE_CONNECTIONS", "0")))
    problems += connection_problems(os.environ)
    problems += second_factor_problems(connection, os.environ)
    if takes_part() and is_pooled(connection):
        problems.append(
            "A pooler is between this pod and the database, so that a migration cannot see whether a server still "
            "serves. Nothing has been changed. Set openWebui.schemaUpgrade to replace."
        )
    if applies(os.environ):
        settings = vector_settings(os.environ)
        problems += vector_problems(settings, read_vector_state(connection, settings))
    return problems


def bucket_problems(patience: float) -> list[str]:
    """Why uploads to the bucket would fail, found by writing, reading and deleting an object.

    A service that does not answer gets ``patience`` seconds to start.
    """
    deadline, logged = time.monotonic() + patience, ""
    while True:
        try:
            problem = bucket_problem(os.environ, write=True)
        except BucketUnreachableError as error:
            if time.monotonic() >= deadline:
                return [str(error)]
            if str(error) != logged:
                log(f"Waiting up to {patience:g} s: {error}")
                logged = str(error)
            time.sleep(min(2, max(0.01, deadline - time.monotonic())))
        else:
            return [problem] if problem else []
