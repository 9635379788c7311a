"""Names of PostgreSQL's objects, and the constants that its clients need. All are fixed by the source document."""

from ..blocks.labels import Labels

APP = "postgres"
"""Label `app`; name of the StatefulSet, its container, the ServiceAccount, the network policy and the budget."""

LABELS = Labels(app=APP, component="database")

SERVICE = "postgres"
"""Service that clients connect to."""

PODS_SERVICE = "postgres-pods"
"""Headless Service that a StatefulSet needs for the names of its pods."""

PORT = 5432
USER = "ragsystemuser"
"""Role that owns the database and its tables: it migrates and restores."""

CLIENT_ROLE = "ragsystemapp"
"""Role of the application while it serves. It has no password: its members log in."""

CLIENT_USERS = ("ragsystemapp_1", "ragsystemapp_2")
"""Members of `CLIENT_ROLE` that log in, in turn: a rotation changes the password of the one that is not in use."""

BACKUP_USER = "ragsystembackup"
"""Role of the backups: it reads everything."""

NETWORK_USERS = (USER, *CLIENT_USERS, BACKUP_USER)
"""Roles that connect over the network, with a password."""

DATABASE = "ragsystemdb"

SECRET = "postgresql-secret"
"""Secret with the keys below, and `CLIENT_URL` and `OWNER_URL` of `blocks.connection_keys`."""

DATABASE_URL = "database-url"
"""Key of the Secret: the URL of the source document."""

PASSWORD = "password"
"""Key of the Secret: the password of `USER` alone."""

BACKUP_PASSWORD = "backup-password"
"""Key of the Secret: the password of `BACKUP_USER`."""

ROLES_SECRET = "postgres-roles"
"""Secret of the server, with a SCRAM verifier for each role that may log in; the keys are the names of the roles."""

OWNER_SECRET = "postgres-owner"
LOGIN_SECRETS = {
    USER: OWNER_SECRET,
    CLIENT_USERS[0]: "postgres-client-1",
    CLIENT_USERS[1]: "postgres-client-2",
    BACKUP_USER: "postgres-backup-role",
}
"""Secret for the operator of topology cloudnative-pg, by role: its name, and what the server stores of its password."""

AUTHORITY_SECRET = "postgresql-ca"
"""Secret with the certificate authority of an external PostgreSQL."""

METRICS_SERVICE = "postgres-metrics"
"""Headless Service of the exporter."""

DASHBOARD = "postgres-dashboard"
CONFIG_MAP = "postgres-conf"
VOLUME_CLAIM = "postgres-data"

GENERATED_PASSWORD = "postgresql-password"
"""Logical name of the generated passwords, to which a hyphen and the number of the rotation are appended."""

GENERATED_CLIENT_PASSWORD = "postgresql-client-password"
"""The same for the passwords of `CLIENT_USERS`."""

GENERATED_BACKUP_PASSWORD = "postgresql-backup-password"
"""The same for the passwords of `BACKUP_USER`."""


def client_user(rotation: int) -> str:
    """The role with which the application serves: the two of `CLIENT_USERS` in turn.

    Args:
        rotation: number of the current passwords, from 1.
    """
    return CLIENT_USERS[(rotation - 1) % len(CLIENT_USERS)]
