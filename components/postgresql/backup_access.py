"""How the backups log in to the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from .names import BACKUP_PASSWORD, BACKUP_USER, DATABASE, PASSWORD, PORT, SECRET, SERVICE, USER


@dataclass(frozen=True, kw_only=True)
class BackupAccess:
    """What the pods of the backups know of the database. Secrets are in a file."""

    secret: str
    """Secret that has the file."""

    key: str
    """Key of the Secret, and name of the file. The pods mount no other key."""

    file_variable: str
    """Environment variable with the path of the file."""

    variables: Mapping[str, str]
    """Further environment variables."""


def own_server_access(*, backup_role: bool) -> BackupAccess:
    """Access to a server of the stack.

    Args:
        backup_role: whether the server has the role of the backups. The owner of the tables otherwise.
    """
    user, key = (BACKUP_USER, BACKUP_PASSWORD) if backup_role else (USER, PASSWORD)
    variables = {"PGHOST": SERVICE, "PGPORT": str(PORT), "PGUSER": user, "PGDATABASE": DATABASE}
    return BackupAccess(secret=SECRET, key=key, file_variable="PASSWORD_FILE", variables=variables)
