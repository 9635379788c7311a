"""A PostgreSQL as CloudNativePG sets it up from the objects of the stack, with the statements of its instance manager.

Those of version 1.30.0: internal/management/controller/roles/postgres.go, pkg/management/postgres/initdb.go. They are
repeated here because the instance manager itself runs in a pod only. That the operator keeps the roles of a running
cluster in the same way is measured on the real node (tests/e2e).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import psycopg

from components.postgresql.names import DATABASE
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.external_postgresql import ExternalPostgreSQL, own_directory
from tests.support.unit.recording import Recording

_ATTRIBUTES = "NOBYPASSRLS NOCREATEDB NOCREATEROLE INHERIT {login} NOREPLICATION NOSUPERUSER CONNECTION LIMIT -1"
_MEMBERSHIPS = (
    "SELECT group_role.rolname FROM pg_auth_members JOIN pg_roles AS member ON member.oid = pg_auth_members.member "
    "JOIN pg_roles AS group_role ON group_role.oid = roleid WHERE member.rolname = '{role}'"
)
# The fixed lines of the operator are for its own roles: by the socket, and by certificates.
_FIRST_LINES, _LAST_LINE = "local all all trust\n", "host all all all scram-sha-256\n"


@dataclass
class OperatedPostgreSQL:
    """A running server, and the objects that it is made of."""

    server: ExternalPostgreSQL
    recording: Recording
    authority: Path | None = None
    """Certificate of the authority of the server. None: a build of PostgreSQL without TLS."""

    @property
    def spec(self) -> Any:
        return self.recording.one("Cluster", "postgres").inputs["spec"]

    def bootstrap(self, *, extension: bool = True) -> None:
        """`initdb`: the owner and its database with its extension, and the lines of pg_hba.conf."""
        initdb = self.spec["bootstrap"]["initdb"]
        lines = "".join(f"{line}\n" for line in self.spec["postgresql"]["pg_hba"])
        of_build = lines if self.authority else lines.replace("hostssl ", "host ")
        (self.server.data / "pg_hba.conf").write_text(_FIRST_LINES + of_build + _LAST_LINE)
        self.server.as_superuser(
            f"CREATE ROLE {initdb['owner']} LOGIN",
            f"CREATE DATABASE {initdb['database']} OWNER {initdb['owner']} TEMPLATE template0",
            "SELECT pg_reload_conf()",
            database="postgres",
        )
        if extension:
            self.server.as_superuser(*initdb["postInitApplicationSQL"], database=DATABASE)
        self.follow_owner()

    def follow_owner(self) -> None:
        """The password of the owner, as the Secret of `bootstrap` has it."""
        initdb = self.spec["bootstrap"]["initdb"]
        self._execute(f"ALTER ROLE {initdb['owner']} WITH PASSWORD '{self._password(initdb['secret']['name'])}'")

    def follow_roles(self) -> None:
        """The roles of `managed.roles`."""
        for role in self.spec["managed"]["roles"]:
            name, groups = role["name"], role.get("inRoles", [])
            options = _ATTRIBUTES.format(login="LOGIN" if role["login"] else "NOLOGIN")
            password = ""
            if secret := role.get("passwordSecret"):
                assert self._value(secret["name"], "username") == name
                password = f" PASSWORD '{self._password(secret['name'])}'"
            if not self._rows(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
                members = f" IN ROLE {', '.join(groups)}" if groups else ""
                self._execute(f"CREATE ROLE {name} {options}{members}{password}")
                continue
            self._execute(f"ALTER ROLE {name} {options}{password}")
            present = {group for (group,) in self._rows(_MEMBERSHIPS.format(role=name))}
            for group in present - {*groups}:
                self._execute(f"REVOKE {group} FROM {name}")
            for group in {*groups} - present:
                self._execute(f"GRANT {group} TO {name}")

    def follow(self, recording: Recording) -> None:
        """What the operator does after an update of the stack."""
        self.recording = recording
        self.follow_owner()
        self.follow_roles()

    def connect(self, user: str, password: str, **parameters: str) -> "psycopg.Connection[tuple[Any, ...]]":
        """A session over the network."""
        options: dict[str, Any] = {"host": "localhost", "dbname": DATABASE, **self._tls(), **parameters}
        return psycopg.connect(port=self.server.port, user=user, password=password, autocommit=True, **options)

    def _tls(self) -> dict[str, str]:
        if self.authority is None:
            return {"sslmode": "disable"}
        return {"sslmode": "verify-full", "sslrootcert": str(self.authority)}

    def login(self, key: str) -> tuple[str, str]:
        """User and password in a URL of the Secret `postgresql-secret`."""
        parts = urlsplit(self._value("postgresql-secret", key))
        return parts.username or "", unquote(parts.password or "")

    def client(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A session of the web pods."""
        return self.connect(*self.login("client-url"))

    def owner(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A session of the owner of the tables."""
        return self.connect(*self.login("owner-url"))

    def environment(self) -> dict[str, str]:
        """Variables of the container `migrate` that lead to the server."""
        plain = {
            each["name"]: each["value"]
            for each in self.recording.containers["open-webui/migrate"]["env"]
            if each["name"] == "MIGRATE_CLIENT_ROLE"
        }
        return {**plain, "DATABASE_URL": self._url("owner-url"), "MIGRATE_CLIENT_URL": self._url("client-url")}

    def _url(self, key: str) -> str:
        user, password = self.login(key)
        address = f"localhost:{self.server.port}/{DATABASE}?{urlencode(self._tls())}"
        return f"postgresql://{user}:{quote(password, safe='')}@{address}"

    def _value(self, secret: str, key: str) -> str:
        return str(self.recording.one("Secret", secret).plain("stringData", key))

    def _password(self, secret: str) -> str:
        """What the operator writes: a verifier as it is (EnsureEncryptedPassword)."""
        assert self.recording.one("Secret", secret).inputs["type"] == "kubernetes.io/basic-auth"
        verifier = self._value(secret, "password")
        assert verifier.startswith("SCRAM-SHA-256$")
        return verifier

    def _execute(self, statement: str) -> None:
        self.server.as_superuser(statement, database="postgres")

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.server.as_superuser(statement, database="postgres")


@contextmanager
def operated_postgresql(directory: Path, programs: str, recording: Recording) -> Iterator[OperatedPostgreSQL]:
    """A server after `initdb`, and before the operator has looked at the roles.

    Args:
        directory: of the servers' user; that of the server is made in it.
        programs: directory of the server's programs, with pgvector and without TLS.
        recording: what the stack created.
    """
    server = ExternalPostgreSQL(own_directory(directory, "operated"), programs)
    server.initialize()
    with server.serving():
        made = OperatedPostgreSQL(server, recording)
        made.bootstrap()
        yield made


@contextmanager
def encrypted_postgresql(directory: Path, programs: str, recording: Recording) -> Iterator[OperatedPostgreSQL]:
    """The same with TLS and without pgvector: roles and pg_hba.conf alone."""
    authority = make_authority(directory / "authority")
    tls = own_directory(directory, "tls")
    certify(authority.parent, tls, "localhost")
    (tls / "tls.key").chmod(0o600)
    server = ExternalPostgreSQL(own_directory(directory, "encrypted"), programs)
    server.initialize()
    with server.serving("ssl=on", f"ssl_cert_file={tls}/tls.crt", f"ssl_key_file={tls}/tls.key"):
        made = OperatedPostgreSQL(server, recording, authority)
        made.bootstrap(extension=False)
        yield made
