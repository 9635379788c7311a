"""How the backups log in to the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..blocks.connection_keys import CLIENT_URL
from ..blocks.secret_reference import SecretReference
from .names import BACKUP_PASSWORD, BACKUP_USER, DATABASE, PASSWORD, PORT, SECRET, SERVICE, USER

URL_FILE = "URL_FILE"
"""Environment variable with the path of the URL. Only pods of an external database have it."""

PASSWORD_FILE = "PASSWORD_FILE"
"""Environment variable with the path of the password."""


@dataclass(frozen=True, kw_only=True)
class BackupAccess:
    """How the pods of the backups connect to the database. Secrets are in a file."""

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
    return BackupAccess(secret=SECRET, key=key, file_variable=PASSWORD_FILE, variables=variables)


def external_access(
    reference: SecretReference | None, url_key: str = CLIENT_URL, *, secret: str = SECRET
) -> BackupAccess:
    """Access to a server that the stack did not set up, by its URL.

    Args:
        reference: where the URL is. None: in the Secret of the stack.
        url_key: its key there.
        secret: name of the Secret of the stack.
    """
    secret, key = (reference.name, reference.key) if reference else (secret, url_key)
    # The same names as with a server of the stack, so dumps stay usable after a change of the topology.
    return BackupAccess(secret=secret, key=key, file_variable=URL_FILE, variables={"DUMP_NAMES": DATABASE})
