"""The rights of the role with which the replicas serve, if it does not own the tables. `prepare` grants these rights.
But a migration creates the table of vectors, and a restore replaces all tables, so this module grants missing rights
before a replica serves.
"""

from psycopg import sql

from .database import Connection, connect
from .output import log
from .vector_tables import TABLE

_LACKS = b"""
SELECT NOT has_database_privilege(%(role)s, current_database(), 'CONNECT'),
       NOT (has_schema_privilege(%(role)s, current_schema(), 'USAGE')
            AND has_schema_privilege(%(role)s, current_schema(), 'CREATE')),
       EXISTS (SELECT FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT (
                   has_table_privilege(%(role)s, oid, 'SELECT') AND has_table_privilege(%(role)s, oid, 'INSERT')
                   AND has_table_privilege(%(role)s, oid, 'UPDATE') AND has_table_privilege(%(role)s, oid, 'DELETE')
                   AND has_table_privilege(%(role)s, oid, 'TRUNCATE'))),
       EXISTS (SELECT FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' AND NOT (
                   has_sequence_privilege(%(role)s, oid, 'USAGE') AND has_sequence_privilege(%(role)s, oid, 'UPDATE'))),
       NOT EXISTS (SELECT FROM pg_default_acl, aclexplode(defaclacl)
                   WHERE defaclrole = current_user::regrole AND defaclnamespace = current_schema()::regnamespace
                   AND defaclobjtype = 'r' AND grantee = %(role)s::regrole AND privilege_type = 'TRUNCATE'),
       EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(%(table)s) AND relowner <> %(role)s::regrole)
"""

_GRANTS = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {role};"
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, USAGE, UPDATE ON SEQUENCES TO {role}",
    # Open WebUI creates its indexes at each start, which PostgreSQL allows only the owner.
    "ALTER TABLE {table} OWNER TO {role}",
)
"""The statement for each column of `_LACKS`, in this order: the last one changes the owner of the table, who then
needs no grant on it."""


def grant_rights(connection: Connection, role: str) -> None:
    """Give the role the rights that it lacks; as the owner of the database, with the lock.

    Args:
        connection: of the owner of the database.
        role: the role that the replicas have when they serve; empty: the owner itself.
    """
    if not role:
        return
    row = connection.execute(_LACKS, {"role": role, "table": TABLE}).fetchone()
    assert row is not None
    lacking = [statement for lacks, statement in zip(row, _GRANTS, strict=True) if lacks]
    if not lacking:
        return
    database, schema = connection.execute(b"SELECT current_database(), current_schema()").fetchone() or ("", "")
    names = {"database": database, "schema": schema, "role": role, "table": TABLE}
    with connection.transaction():
        for statement in lacking:
            connection.execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))
    log(f"The role {role} has the rights with which the replicas serve.")


def require_client(role: str, patience: float) -> None:
    """Wait until the role with which the replicas serve may log in, and let its sessions begin as ``role``.

    Objects that it creates then belong to the common role. Only the login itself and a superuser may set this, and
    CloudNativePG has no setting for it.

    Args:
        role: the role that the replicas have when they serve; empty: the one of ``DATABASE_URL``.
        patience: seconds. After a rotation the server accepts the passwords of its roles one after the other.
    """
    if not role:
        return
    with connect(patience, "MIGRATE_CLIENT_URL") as connection:
        login, current = connection.execute(b"SELECT session_user, current_user").fetchone() or ("", "")
        if current != role:
            names = {"login": sql.Identifier(login), "role": sql.Identifier(role)}
            connection.execute(sql.SQL("ALTER ROLE {login} SET role = {role}").format(**names))
            log(f"The sessions of {login} begin as {role}.")
