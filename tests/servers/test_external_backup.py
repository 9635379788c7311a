"""backup.sh, as rendered, with a PostgreSQL that the stack did not set up: what it dumps, and what a restore leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.external_backups import ExternalBackups
from tests.support.servers.external_postgresql import (
    DATABASE,
    PASSWORD,
    ROLE,
    ExternalPostgreSQL,
    external_postgresql,
    own_directory,
)
from tests.support.servers.pgbouncer import old_pgbouncer, pgbouncer
from tests.support.servers.server_process import (
    give_away,
    postgresql_programs,
    postgresql_with_pgvector,
    server_directory,
)

OWN = """
CREATE TABLE chat (id serial PRIMARY KEY, at timestamptz, score float8, embedding extensions.vector(3));
CREATE TABLE file (id text PRIMARY KEY, path text);
CREATE SCHEMA notes;
CREATE TABLE notes."Odd |name'" (chat int REFERENCES chat);
CREATE VIEW seen AS SELECT id FROM chat;
CREATE FUNCTION answer() RETURNS int LANGUAGE sql RETURN 42;
INSERT INTO chat (at, score, embedding)
    SELECT '2026-01-01 12:00+02', n / 3.0, '[1,2,3]' FROM generate_series(1, 300) AS n;
INSERT INTO file VALUES ('f1', '/uploads/f1');
INSERT INTO notes."Odd |name'" VALUES (1);
"""

THEIRS = (
    "CREATE SCHEMA extensions",
    "GRANT USAGE ON SCHEMA extensions TO PUBLIC",
    "ALTER EXTENSION vector SET SCHEMA extensions",
    "CREATE SCHEMA audit",
    "CREATE TABLE audit.log AS SELECT 'secret' AS entry",
    "CREATE FUNCTION audit.f() RETURNS int LANGUAGE sql RETURN 1",
)
"""What the operator of the server has in the database: the role of the URL may not read it."""

CONTENTS = """SELECT (SELECT json_agg(chat ORDER BY id)::text FROM chat), (SELECT json_agg(file)::text FROM file),
(SELECT count(*) FROM notes."Odd |name'"), (SELECT count(*) FROM seen), answer()"""


@pytest.fixture(scope="module")
def server() -> Iterator[ExternalPostgreSQL]:
    """PostgreSQL 16 with pgvector."""
    with server_directory() as place, external_postgresql(place, postgresql_with_pgvector()) as server:
        yield server


@pytest.fixture
def clean(server: ExternalPostgreSQL) -> ExternalPostgreSQL:
    """The server with a new database, which belongs to the role."""
    server.as_superuser(
        f"DROP DATABASE {DATABASE} WITH (FORCE)",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
        database="postgres",
    )
    server.as_superuser("CREATE EXTENSION vector", *THEIRS)
    return server


@pytest.fixture
def backups(clean: ExternalPostgreSQL, directory: Path) -> ExternalBackups:
    """The container beside a database with the tables of the role and those of others."""
    made = ExternalBackups(directory, clean.programs, clean.url())
    made.execute(OWN)
    return made


def test_what_the_role_owns_is_dumped_proved_and_restored(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    before = backups.execute(CONTENTS)
    output = backups.done("run")
    assert "3 tables with 302 rows" in output
    assert output.rstrip().endswith("The restored copy was identical.")
    assert backups.dumps()[0].startswith("ragsystemdb-")
    assert backups.execute("SELECT place, failed_at FROM open_webui_stack.backup") == [("volume", None)]
    backups.execute("DELETE FROM chat WHERE id > 10; CREATE TABLE newer (id int); DROP TABLE file")

    output = backups.done("restore", "newest")

    assert backups.execute(CONTENTS) == before
    assert backups.execute("SELECT to_regclass('newer'), nextval('chat_id_seq')") == [(None, 301)]
    assert "To return to the current data" in output
    # The objects of other roles are as they were.
    assert server.as_superuser("SELECT entry, audit.f() FROM audit.log") == [("secret", 1)]
    owners = "SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname = 'vector'"
    assert server.as_superuser(owners) == [("postgres",)]
    assert backups.execute("SELECT count(*) FROM open_webui_stack.backup") == [(1,)]
    assert f"postgresql://{ROLE}" not in output


def test_the_certificate_of_the_server_is_verified(directory: Path) -> None:
    authority = make_authority(own_directory(directory, "authority"))
    tls = own_directory(directory, "tls")
    certify(authority.parent, tls, "localhost")
    (tls / "tls.key").chmod(0o600)
    options = ("ssl=on", f"ssl_cert_file={tls}/tls.crt", f"ssl_key_file={tls}/tls.key")
    with external_postgresql(directory, postgresql_programs(), *options, vector=False) as server:
        backups = ExternalBackups(directory, server.programs, server.url("localhost"))
        # The variables of the clients with a URL by reference.
        verified = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(authority)}
        assert "0 tables with 0 rows" in backups.done("run", **verified)
        backups.url = server.url()
        assert 'does not match host name "127.0.0.1"' in backups.refused("run", **verified)
        # The URL comes first.
        backups.url = server.url(sslmode="verify-full", sslrootcert="/nowhere/ca.crt")
        assert 'root certificate file "/nowhere/ca.crt" does not exist' in backups.refused("run", **verified)


def test_a_role_that_does_not_own_the_database(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    """It may create tables in one schema, and nothing else: its rights come from others, and a restore keeps them."""
    backups.execute("DROP SCHEMA notes CASCADE")
    server.as_superuser(
        f"ALTER DATABASE {DATABASE} OWNER TO postgres",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC, {ROLE}",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {ROLE}",
    )
    output = backups.done("run")
    assert "The result could not be recorded" in output
    backups.execute("TRUNCATE chat CASCADE")

    backups.done("restore", "newest")

    assert backups.execute("SELECT count(*) FROM chat") == [(300,)]
    backups.execute("CREATE TABLE later (id int)")

    server.as_superuser(f"REVOKE CREATE ON SCHEMA public FROM {ROLE}")
    output = backups.refused("restore", "newest", "no-safety-dump")
    assert f"GRANT CREATE ON SCHEMA public TO {ROLE}" in output
    assert output.rstrip().endswith("Nothing was changed.")
    assert backups.execute("SELECT count(*) FROM chat") == [(300,)]


def test_a_restore_needs_the_right_to_create_the_schemas_of_the_dump(
    backups: ExternalBackups, server: ExternalPostgreSQL
) -> None:
    backups.done("run")
    server.as_superuser(f"ALTER DATABASE {DATABASE} OWNER TO postgres", f"GRANT CREATE ON SCHEMA public TO {ROLE}")

    output = backups.refused("restore", "newest", "no-safety-dump")

    assert f"GRANT CREATE ON DATABASE {DATABASE} TO {ROLE}" in output


def test_a_restore_drops_nothing_of_others(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    backups.done("run")
    server.as_superuser(
        "CREATE VIEW audit.chats AS SELECT count(*) AS number FROM public.chat",
        "CREATE TABLE audit.marks (file text REFERENCES public.file)",
    )
    backups.execute("DELETE FROM file")

    output = backups.refused("restore", "newest", "no-safety-dump")

    assert "backup:   audit.chats of postgres\nbackup:   audit.marks of postgres\n" in output
    assert "Nothing was changed." in output
    assert server.as_superuser("SELECT number FROM audit.chats") == [(300,)]
    # Others that depend on it: PostgreSQL itself refuses, and the transaction ends.
    server.as_superuser(
        "DROP VIEW audit.chats",
        "DROP TABLE audit.marks",
        "CREATE FUNCTION audit.g(public.chat) RETURNS int LANGUAGE sql RETURN 1",
    )
    output = backups.refused("restore", "newest", "no-safety-dump")
    assert "because other objects depend on them" in output
    assert "The database is unchanged" in output
    assert backups.execute("SELECT count(*) FROM file") == [(0,)]
    server.as_superuser("DROP FUNCTION audit.g(public.chat)")
    backups.done("restore", "newest")
    assert backups.execute("SELECT count(*) FROM file") == [(1,)]


def test_tables_of_other_roles_among_its_own_are_named(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    server.as_superuser("CREATE TABLE public.by_hand (id int)")

    output = backups.refused("run")

    assert "backup:   public.by_hand of postgres\n" in output
    assert f"1 objects belong to other roles than {ROLE}" in output


def test_a_role_that_owns_no_table_is_told_so(clean: ExternalPostgreSQL, directory: Path) -> None:
    clean.as_superuser("DROP SCHEMA audit CASCADE", "CREATE TABLE public.chat (id int)")
    backups = ExternalBackups(directory, clean.programs, clean.url())

    output = backups.refused("run")

    assert "public.chat of postgres" in output
    assert f'ALTER ROLE "{ROLE}" SET role = <owner>' in output


def test_a_group_that_owns_the_tables(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    """As services rotate logins: the role of the URL is a member of the one that owns everything."""
    server.as_superuser(
        "CREATE ROLE chat_owner",
        f"GRANT chat_owner TO {ROLE}",
        f"REASSIGN OWNED BY {ROLE} TO chat_owner",
        f"ALTER ROLE {ROLE} IN DATABASE {DATABASE} SET role = chat_owner",
    )
    try:
        backups.done("run")
        backups.execute("TRUNCATE chat CASCADE")
        backups.done("restore", "newest")
        assert backups.execute("SELECT count(*) FROM chat") == [(300,)]
        assert server.as_superuser("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [
            ("chat_owner",)
        ]
    finally:
        server.as_superuser(
            f"ALTER ROLE {ROLE} IN DATABASE {DATABASE} RESET role",
            f"REASSIGN OWNED BY chat_owner TO {ROLE}",
            "DROP ROLE chat_owner",
        )


def test_a_dump_is_restored_into_a_new_database_of_another_role(
    backups: ExternalBackups, server: ExternalPostgreSQL
) -> None:
    before = backups.execute(CONTENTS)
    backups.done("run")
    server.as_superuser(
        f"CREATE ROLE other_team LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE other OWNER other_team TEMPLATE template0",
        database="postgres",
    )
    try:
        server.as_superuser("CREATE EXTENSION vector", THEIRS[0], THEIRS[1], THEIRS[2], database="other")
        backups.url = server.url(user="other_team").replace(f"/{DATABASE}", "/other")

        output = backups.done("restore", "newest")

        assert "0 tables with 0 rows" in output
        assert backups.execute(CONTENTS) == before
    finally:
        server.as_superuser("DROP DATABASE other WITH (FORCE)", "DROP ROLE other_team", database="postgres")


def test_an_image_that_is_older_than_the_server_is_refused(backups: ExternalBackups) -> None:
    backups.programs = postgresql_programs()

    output = backups.refused("run")

    assert (
        "The server is PostgreSQL 16, and the image of postgresql.image has the programs of 15, which cannot dump it. "
        "Set postgresql.image to an image of PostgreSQL 16 or later" in output
    )
    assert backups.execute("SELECT succeeded_at, failed_at > started_at FROM open_webui_stack.backup") == [(None, True)]


def test_a_newer_image_dumps_and_restores_an_older_server(backups: ExternalBackups) -> None:
    before = backups.execute(CONTENTS)
    backups.programs = postgresql_with_pgvector(18)
    backups.done("run")
    backups.execute("TRUNCATE chat CASCADE; INSERT INTO file VALUES ('f2', 'SET transaction_timeout = 0;')")

    backups.done("restore", "newest")

    assert backups.execute(CONTENTS) == before
    (safety,) = [name for name in backups.dumps() if "before" in name]
    backups.done("restore", safety)
    assert backups.execute("SELECT path FROM file WHERE id = 'f2'") == [("SET transaction_timeout = 0;",)]


@pytest.mark.parametrize("image", [17, 18])
def test_a_server_of_postgresql_17_is_dumped_and_restored(directory: Path, image: int) -> None:
    (place := directory / "server").mkdir()
    give_away(place)
    with external_postgresql(place, postgresql_with_pgvector(17)) as server:
        server.as_superuser(*THEIRS)
        (here := directory / "backups-of-it").mkdir()
        give_away(here)
        backups = ExternalBackups(here, postgresql_with_pgvector(image), server.url())
        backups.execute(OWN)
        before = backups.execute(CONTENTS)
        backups.done("run")
        backups.execute("TRUNCATE chat CASCADE")

        backups.done("restore", "newest")

        assert backups.execute(CONTENTS) == before


VECTORS = "CREATE INDEX by_distance ON chat USING hnsw (embedding extensions.vector_l2_ops)"
HALVES = "ALTER TABLE chat ALTER embedding TYPE extensions.halfvec(3)"


@pytest.mark.parametrize(
    ("statement", "version", "needs"),
    [
        (None, None, None),
        (None, "0.4.4", None),
        (VECTORS, "0.5.0", None),
        (VECTORS, "0.4.4", "the index method hnsw, for which pgvector has to be 0.5.0 or later"),
        (HALVES, "0.10.1", None),
        (HALVES, "0.6.2", "the type halfvec, for which pgvector has to be 0.7.0 or later"),
    ],
)
def test_a_server_with_too_old_a_pgvector_is_refused_before_anything_is_dropped(
    backups: ExternalBackups, server: ExternalPostgreSQL, statement: str | None, version: str | None, needs: str | None
) -> None:
    """The packages have one release of the extension; what the catalogue says of it stands for an older one."""
    if statement:
        backups.execute(statement)
    backups.done("run")
    backups.execute('DELETE FROM notes."Odd |name\'"; TRUNCATE chat CASCADE')
    if version:
        server.as_superuser(f"UPDATE pg_extension SET extversion = '{version}' WHERE extname = 'vector'")
    rows = "SELECT count(*) FROM chat"
    if needs is None:
        backups.done("restore", "newest")
        assert backups.execute(rows) == [(300,)]
        return

    output = backups.refused("restore", "newest")

    assert f"has {needs}, and the database has {version}. Nothing was changed." in output
    assert backups.execute(rows) == [(0,)]


def test_a_server_without_pgvector_is_refused_before_anything_is_dropped(
    backups: ExternalBackups, directory: Path
) -> None:
    backups.done("run")
    (place := directory / "without").mkdir()
    give_away(place)
    # Debian's PostgreSQL has no package of the extension; the image's programs are newer.
    with external_postgresql(place, postgresql_programs(), vector=False) as other:
        backups.url = other.url()
        backups.execute("CREATE TABLE kept (id int)")
        output = backups.refused("restore", "newest")
        assert "the type vector, for which pgvector has to be 0.1.0 or later, and the server has none" in output
        assert backups.execute("SELECT count(*) FROM kept") == [(0,)]


def test_through_a_pooler_in_session_mode(
    backups: ExternalBackups, server: ExternalPostgreSQL, directory: Path
) -> None:
    place = own_directory(directory, "pooler")
    with pgbouncer(old_pgbouncer(place), place, server, pool_mode="session") as pooler:
        backups.url = pooler.url()
        backups.done("run")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://u:p@h/d", "does not begin with postgresql://"),
        ("postgresql://h/d", "has no user"),
        ("postgresql://u:%zz@h/d", "has a % without the two digits of a character"),
        ("", "is empty"),
    ],
)
def test_a_url_that_cannot_be_used(backups: ExternalBackups, url: str, reason: str) -> None:
    backups.url = url
    output = backups.refused("run")
    assert f"The URL of the database {reason}." in output


def test_a_wrong_password(backups: ExternalBackups, server: ExternalPostgreSQL) -> None:
    backups.url = server.url(password="not-this-one")
    output = backups.refused("run")
    assert "password authentication failed" in output
    assert "The database on 127.0.0.1 did not answer" in output
    assert "not-this-one" not in output
