"""`stackctl import`: a real Open WebUI on SQLite and Chroma moves into the stack's PostgreSQL and bucket.

The program of the pod runs here, with the container's variables; tests/unit/test_import_command.py has the rest.
"""

import hashlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackctl.importing.pod import ImportPod
from stackctl.importing.report import Plan
from stackctl.importing.source import Source, copy_source
from terminal.errors import LocalError
from tests.support.e2e.model_server import model_server
from tests.support.servers.embedding_server import EmbeddingServer, embedding_server
from tests.support.servers.import_here import import_pod_here
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.replica import Replica
from tests.support.servers.s3_server import BUCKET, S3Server, s3_server
from tests.support.servers.server_process import wait_until
from tests.support.servers.single_open_webui import (
    ADMIN,
    BANNER,
    DOCUMENT,
    FILE,
    QUESTION,
    USER,
    Furnishing,
    furnish,
    single_open_webui,
)

MODEL = "embedding-of-the-stack"


def digests(directory: Path) -> dict[str, str]:
    """A checksum of every file."""
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    return {str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@dataclass(frozen=True, kw_only=True)
class Move:
    """A source, and the stack that it moves into."""

    around: Servers
    bucket: S3Server
    embeddings: EmbeddingServer
    model_url: str
    data: Path
    """The source's data directory; the source has ended."""

    furnishing: Furnishing
    before: dict[str, str]
    """Checksums of the source's files."""

    stack: OpenWebUI

    @property
    def variables(self) -> dict[str, str]:
        """Variables of the web pods for the embedding model."""
        return {
            "RAG_EMBEDDING_ENGINE": "openai",
            "RAG_EMBEDDING_MODEL": MODEL,
            "RAG_OPENAI_API_BASE_URL": self.embeddings.url,
            "RAG_OPENAI_API_KEY": "key-of-the-embeddings",
        }

    @contextmanager
    def pod(self, directory: Path, data: Path | None = None) -> Iterator[tuple[ImportPod, Source]]:
        """The pod of an import with the copies of the source."""
        source = copy_source(data or self.data, directory)
        assert source.vectors
        with self.stack.idle_pod(**self.variables) as idle:
            pod = import_pod_here(idle)
            pod.send([(source.database, "webui.db"), (source.vectors, "chroma.sqlite3")])
            yield pod, source

    def contents(self) -> dict[str, str]:
        """A checksum of the rows of every table of the stack."""
        names = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        with self.around.database.connect() as connection:
            tables = [row[0] for row in connection.execute(names.encode())]
            sums = "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{}\" AS t"
            return {
                table: str(connection.execute(sums.format(table).encode()).fetchone()[0])  # type: ignore[index]
                for table in sorted(tables)
            }


OPTIONS = {"documents": True, "overwrite": False}


def plan(pod: ImportPod) -> Plan:
    return Plan(pod.run("plan", {**OPTIONS, "variables": pod.variables}, (), print))


def apply(pod: ImportPod, source: Source, **options: bool) -> Any:
    files = list(source.files(plan(pod).files))
    configured = {**OPTIONS, "variables": pod.variables, "files": bool(files), **options}
    return pod.run("apply", configured, files, print)


@pytest.fixture(scope="module")
def move(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """A furnished source that has ended, and a new stack."""
    with (
        servers() as around,
        s3_server(tmp_path_factory.mktemp("s3")) as bucket,
        embedding_server() as embeddings,
        model_server("127.0.0.1") as model_url,
    ):
        data = tmp_path_factory.mktemp("single") / "data"
        data.mkdir()
        urls = {"RAG_OPENAI_API_BASE_URL": embeddings.url, "OPENAI_API_BASE_URL": "http://localhost:1/v1"}
        with single_open_webui(around.directory / "image", data, OPENAI_API_KEY="key", **urls) as replica:
            furnishing = furnish(replica)
        stack = around.open_webui(
            "dev",
            f"openWebui.openaiApiBaseUrl={model_url}",
            "openWebui.uploads.kind=s3",
            f"openWebui.uploads.s3.bucketName={BUCKET}",
            f"openWebui.uploads.s3.endpointUrl={bucket.url}",
            "openWebui.uploads.s3.keyPrefix=stack",
            openaiApiKey="key-of-tests",
            s3AccessKeyId=bucket.writer.identifier,
            s3SecretAccessKey=bucket.writer.secret,
        )
        made = Move(
            around=around,
            bucket=bucket,
            embeddings=embeddings,
            model_url=model_url,
            data=data,
            furnishing=furnishing,
            before=digests(data),
            stack=stack,
        )
        migrated = stack.migrate(**made.variables)
        assert migrated.returncode == 0, migrated.stdout
        yield made


def test_the_plan_says_what_would_change_and_changes_nothing(move: Move, tmp_path: Path) -> None:
    before = move.contents()
    with move.pod(tmp_path) as (pod, _):
        planned = plan(pod)
    tables = {each["table"]: each for each in planned.result["tables"]}
    assert {name: tables[name]["new"] for name in ("user", "chat", "folder", "file", "knowledge", "memory")} == {
        **dict.fromkeys(("chat", "folder", "file", "knowledge", "memory"), 1),
        "user": 2,
    }
    assert planned.overwritten == {}
    assert planned.result["documents"] == {"source": 4, "new": 4, "changed": 0, "lost": 0}
    report = "\n".join(planned.lines())
    assert "The stack's first administrator stays" in report
    assert {"openai.api_base_urls", "rag.embedding_model"} <= set(planned.result["differing_settings"])
    assert move.contents() == before
    assert move.bucket.keys() == []


def test_an_import_that_is_killed_leaves_the_stack_as_it_was(move: Move, tmp_path: Path) -> None:
    before = move.contents()
    move.embeddings.asked.clear()
    move.embeddings.hangs = True
    with move.pod(tmp_path) as (pod, source):
        files = list(source.files(plan(pod).files))
        options = json.dumps({**OPTIONS, "variables": pod.variables, "files": False})
        assert files
        command = pod.kubectl.command("exec", "--", "python", "/tmp/import/import.py", "apply", options)
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        ) as killed:
            assert move.embeddings.asked.wait(60), "the rows are written, the documents are not"
            killed.kill()
        move.embeddings.hangs = False
        wait_until(lambda: not _sessions(move), "the session of the killed process ends")
    assert move.contents() == before


def _sessions(move: Move) -> int:
    with move.around.database.connect() as connection:
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name LIKE 'import%'"
        )
        row = connection.execute(others.encode()).fetchone()
        assert row
        return int(row[0])


def test_an_import_that_fails_leaves_database_and_bucket_as_they_were(move: Move, tmp_path: Path) -> None:
    before = move.contents()
    move.embeddings.refuses = True
    with move.pod(tmp_path) as (pod, source), pytest.raises(LocalError, match=f"could not be embedded with {MODEL}"):
        apply(pod, source)
    move.embeddings.refuses = False
    assert move.contents() == before
    assert move.bucket.keys() == []


def test_the_stack_has_everything_after_the_import(move: Move, tmp_path: Path) -> None:
    embedded = move.embeddings.models[MODEL]
    with move.pod(tmp_path) as (pod, source):
        result = apply(pod, source)
        again = plan(pod)
    assert (result["files"], result["embedded"]) == (1, 4)
    assert move.embeddings.models[MODEL] == embedded + 4
    assert again.is_empty
    assert digests(move.data) == move.before
    [key] = move.bucket.keys()
    assert key.partition("_")[2] == FILE


def test_a_second_run_changes_nothing(move: Move, tmp_path: Path) -> None:
    before = move.contents()
    with move.pod(tmp_path) as (pod, source):
        result = apply(pod, source)
    assert result["embedded"] == 0
    assert move.contents() == before


def test_users_go_on_in_the_stack(move: Move) -> None:
    with move.stack.replicas(1, **move.variables) as [replica]:
        ada, bob = (str(replica.sign_in(*account).body["token"]) for account in (ADMIN, USER))
        chat = replica.request("GET", f"/api/v1/chats/{move.furnishing.chat['id']}", token=bob).body
        assert chat == move.furnishing.chat
        [folder] = replica.request("GET", "/api/v1/folders/", token=bob).body
        assert folder["id"] == move.furnishing.folder
        file = replica.request("GET", f"/api/v1/files/{move.furnishing.file}/content", token=ada)
        assert (file.status, file.text) == (200, DOCUMENT)
        by_key = replica.request("GET", f"/api/v1/files/{move.furnishing.file}", token=move.furnishing.api_key)
        assert (by_key.status, by_key.body["filename"]) == (200, FILE)
        banners = replica.request("GET", "/api/v1/configs/banners", token=ada).body
        assert [banner["content"] for banner in banners] == [BANNER]
        # The stack's own administrator, whose password is in a Secret, is there beside them.
        assert replica.sign_in(ADMIN_EMAIL, move.stack.admin_password).status == 200
        check_citation(replica, ada, move.furnishing.knowledge)


def check_citation(replica: Replica, token: str, knowledge: str) -> None:
    """A question finds the document, and the answer cites it."""
    question = {
        "model": "test-model",
        "stream": False,
        "messages": [{"role": "user", "content": QUESTION}],
        "files": [{"type": "collection", "id": knowledge}],
    }
    answer = replica.request("POST", "/api/chat/completions", question, token=token)
    assert answer.status == 200, answer.text
    assert DOCUMENT in answer.body["choices"][0]["message"]["content"]
    [source] = answer.body["sources"]
    assert source["document"] == [DOCUMENT]
    assert source["metadata"][0]["name"] == FILE


def test_what_users_did_in_the_stack_is_not_overwritten_unasked(move: Move, tmp_path: Path) -> None:
    with move.around.database.connect(autocommit=True) as connection:
        connection.execute(b"UPDATE chat SET title = 'Renamed in the stack'")
    before = move.contents()
    with move.pod(tmp_path) as (pod, source):
        assert plan(pod).overwritten["chat"] == 1
        with pytest.raises(LocalError, match=r"would overwrite rows of the stack: .*chat"):
            apply(pod, source)
        assert move.contents() == before
        apply(pod, source, overwrite=True)
        assert plan(pod).is_empty
    assert move.bucket.keys(), "the files of the stack stay after the refusal"


def test_rows_that_refer_to_nothing_are_left_out_and_counted(move: Move, tmp_path: Path) -> None:
    data = _copied(move, tmp_path)
    with closing(sqlite3.connect(data / "webui.db")) as connection, connection:
        connection.execute("UPDATE chat_message SET chat_id = 'deleted' WHERE id LIKE '%m1'")
    with move.pod(_new(tmp_path), data) as (pod, source):
        planned = plan(pod)
        assert planned.result["orphans"] == {"chat_message.chat_id": 1}
        assert planned.overwritten == {"chat_message": 1}
        apply(pod, source, overwrite=True)
        assert plan(pod).is_empty


def test_an_older_source_is_migrated_on_the_copy(move: Move, tmp_path: Path) -> None:
    data = _copied(move, tmp_path)
    (data / "webui.db").unlink()
    older = (
        "from startup.faster_import import prepare_import\nprepare_import()\n"
        "import os, open_webui.internal.db\n"
        "from alembic import command\nfrom alembic.config import Config\nfrom open_webui.env import OPEN_WEBUI_DIR\n"
        "config = Config(OPEN_WEBUI_DIR / 'alembic.ini')\n"
        "config.set_main_option('script_location', str(OPEN_WEBUI_DIR / 'migrations'))\n"
        "command.upgrade(config, 'f0bd01a18a3d')"
    )
    made = move.stack.run(
        older,
        DATABASE_URL=f"sqlite:///{data / 'webui.db'}",
        PGVECTOR_DB_URL="postgresql://nobody@localhost/nothing",
        ENABLE_DB_MIGRATIONS="false",
    )
    assert made.returncode == 0, made.stdout
    now = int(time.time())
    with closing(sqlite3.connect(data / "webui.db")) as connection, connection:
        connection.execute(
            "INSERT INTO user (id, name, email, role, last_active_at, updated_at, created_at)"
            " VALUES ('u1', 'Eve', 'eve@example.com', 'user', ?, ?, ?)",
            (now, now, now),
        )
    before = digests(data)
    with move.pod(_new(tmp_path), data) as (pod, source):
        apply(pod, source, overwrite=True, documents=False)
        assert Plan(pod.run("plan", {**OPTIONS, "documents": False, "variables": pod.variables}, (), print)).is_empty
    assert digests(data) == before
    with move.around.database.connect() as stack:
        emails = {row[0] for row in stack.execute(b'SELECT email FROM "user"')}
    assert emails == {"eve@example.com", ADMIN_EMAIL}


def test_a_newer_source_is_refused(move: Move, tmp_path: Path) -> None:
    data = _copied(move, tmp_path)
    with closing(sqlite3.connect(data / "webui.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    before = move.contents()
    with move.pod(_new(tmp_path), data) as (pod, _), pytest.raises(LocalError, match="revision ffffffffffff"):
        plan(pod)
    assert move.contents() == before


def test_second_factors_that_the_stack_cannot_read_are_refused(move: Move, tmp_path: Path) -> None:
    data = _copied(move, tmp_path)
    with closing(sqlite3.connect(data / "webui.db")) as connection, connection:
        connection.execute("UPDATE config SET value = 'true' WHERE key = 'auth.mfa.enable'")
        connection.execute("""UPDATE auth SET mfa = '{"secret": "of-another-key"}' WHERE email LIKE 'bob%'""")
    before = move.contents()
    with (
        move.pod(_new(tmp_path), data) as (pod, source),
        pytest.raises(LocalError, match="config set --secret MFA_ENCRYPTION_KEY"),
    ):
        apply(pod, source, overwrite=True)
    assert move.contents() == before


def test_rows_that_postgresql_refuses_are_named_without_their_text(move: Move, tmp_path: Path) -> None:
    data = _copied(move, tmp_path)
    with closing(sqlite3.connect(data / "webui.db")) as connection, connection:
        connection.execute("UPDATE chat SET chat = 'a secret thought'")
        connection.execute("CREATE TABLE of_a_plugin (id text)")
    before = move.contents()
    with move.pod(_new(tmp_path), data) as (pod, source):
        assert plan(pod).result["not_imported"] == ["of_a_plugin"]
        with pytest.raises(LocalError, match="refuses the rows of chat: invalid input syntax for type json") as error:
            apply(pod, source, overwrite=True)
    assert "thought" not in str(error.value)
    assert move.contents() == before


def _copied(move: Move, directory: Path) -> Path:
    """A copy of the source that a test may change."""
    source = copy_source(move.data, _new(directory))
    data = directory / "data"
    (data / "vector_db").mkdir(parents=True)
    source.database.rename(data / "webui.db")
    assert source.vectors
    source.vectors.rename(data / "vector_db" / "chroma.sqlite3")
    (data / "uploads").symlink_to(move.data / "uploads")
    return data


def _new(directory: Path) -> Path:
    made = directory / f"copies-{len(list(directory.iterdir()))}"
    made.mkdir()
    return made
