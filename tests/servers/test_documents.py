"""A document that one replica receives is answered about by the other, with Tika and the models of the settings."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from components.open_webui.files.startup.stored_keys import KEYS
from components.open_webui.files.startup.stored_settings import stored_rows
from tests.support.document_model import DocumentModel, document_model
from tests.support.documents import DOCUMENTS, Document
from tests.support.servers.document_requests import ask, status, upload
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import server_directory
from tests.support.servers.tika_server import Tika, tika

_KEY = "key-of-documents"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """Two replicas with a Tika and a service of models."""

    around: Servers
    deployment: OpenWebUI
    replicas: list[Replica]
    tika: Tika
    model: DocumentModel

    def token(self, replica: Replica | None = None) -> str:
        """A new sign-in of the administrator."""
        signed_in = (replica or self.replicas[0]).sign_in(ADMIN_EMAIL, self.deployment.admin_password)
        return str(signed_in.body["token"])


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    with ExitStack() as resources:
        server = resources.enter_context(tika(resources.enter_context(server_directory())))
        model = resources.enter_context(document_model("127.0.0.1"))
        around = resources.enter_context(servers())
        deployment = around.open_webui("dev", f"openWebui.openaiApiBaseUrl={model.url}", openaiApiKey=_KEY)
        migrated = deployment.migrate(TIKA_SERVER_URL=server.url)
        assert migrated.returncode == 0, migrated.stdout
        replicas = resources.enter_context(deployment.replicas(2, TIKA_SERVER_URL=server.url))
        yield Deployed(around=around, deployment=deployment, replicas=replicas, tika=server, model=model)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_other_replica_answers_about_a_document_and_cites_it(deployed: Deployed, document: Document) -> None:
    first, second = deployed.replicas
    token = deployed.token()
    uploaded = upload(first, document, token)
    identifier = uploaded.body["id"]
    assert status(first, identifier, token) == "completed"

    reply = ask(second, document.question, identifier, token)

    assert reply.text.endswith(f"{document.fact} [1]")
    [source] = reply.sources
    assert {passage["name"] for passage in source["metadata"]} == {document.name}
    assert any(document.fact in passage for passage in source["document"])


def test_the_model_and_the_key_of_the_settings_embed(deployed: Deployed) -> None:
    assert set(deployed.model.embeddings) == {("text-embedding-3-small", f"Bearer {_KEY}")}


def test_a_file_that_is_no_document_fails_and_the_next_one_does_not(deployed: Deployed) -> None:
    replica, token = deployed.replicas[0], deployed.token()
    broken = Document(name="broken.pdf", content_type="application/pdf", content=b"%PDF-1.7\n", question="", fact="")
    identifier = upload(replica, broken, token).body["id"]
    assert status(replica, identifier, token).startswith("failed")
    assert DOCUMENTS[0].fact in deployed.tika.extract(DOCUMENTS[0].content).replace("\\n", " ")


READ = """
import json, os
from open_webui.config import DEFAULT_CONFIG
print("VALUES", json.dumps({key: DEFAULT_CONFIG[key] for key in json.loads(os.environ["ASKED"])}))
"""


def test_values_are_stored_as_the_release_itself_stores_them(deployed: Deployed) -> None:
    """On an empty database it would store what `config.py` makes of the variables."""
    variables = {name: _example(read) for name, (_, read) in KEYS.items()}
    stored = stored_rows({**variables, "STORED_SETTINGS": ",".join(KEYS)})
    done = deployed.deployment.run(READ, **variables, ASKED=json.dumps(sorted(stored)))
    [line] = [line for line in done.stdout.splitlines() if line.startswith("VALUES ")] or [done.stdout]
    assert json.loads(line.removeprefix("VALUES ")) == stored


def _example(read: Callable[[str], Any]) -> str:
    """A text that the reader takes, and that does not stay as it is where it reads more than a text."""
    for text in ('{"0": {"a": 1}}', "0.25", "636", "True", "Pdf; a, b"):
        try:
            value = read(text)
        except ValueError:
            continue
        if value != text and value is not False and value != [text]:
            return text
    return "An example"


@contextmanager
def changed(deployed: Deployed, ollama: DocumentModel) -> Iterator[OpenWebUI]:
    """The same stack with other settings of documents, on the same database; afterwards that has its rows again."""
    with deployed.around.database.connect(autocommit=True) as connection:
        rows = connection.execute("SELECT key, value::text FROM config WHERE key LIKE 'rag.%'").fetchall()
        try:
            yield deployed.around.open_webui(
                "dev",
                f"openWebui.openaiApiBaseUrl={deployed.model.url}",
                f"openWebui.models.ollama.big.url={ollama.url.removesuffix('/v1')}",
                "openWebui.models.ollama.big.apiKeyFrom=BIG_API_KEY",
                "openWebui.documents.embedding.engine=ollama",
                "openWebui.documents.embedding.model=bge-m3",
                "openWebui.documents.topK=5",
                openaiApiKey=_KEY,
                secretEnv=json.dumps({"BIG_API_KEY": "key-of-big"}),
            )
        finally:
            for key, value in rows:
                connection.execute("UPDATE config SET value = %s::json WHERE key = %s", (value, key))


def test_changed_settings_hold_and_what_the_config_does_not_set_stays_as_the_administrator_chose(
    deployed: Deployed,
) -> None:
    chosen = {"TOP_K": 9, "CHUNK_SIZE": 800}
    updated = deployed.replicas[0].request("POST", "/api/v1/retrieval/config/update", chosen, token=deployed.token())
    assert updated.status == 200, updated.text
    with document_model("127.0.0.1") as ollama, changed(deployed, ollama) as deployment:
        [stored] = [line for line in deployment.migrated().splitlines() if "stored in the database" in line]
        rows = ("rag.embedding_engine", "rag.embedding_model", "rag.ollama.api_key", "rag.ollama.base_url", "rag.top_k")
        assert all(row in stored for row in rows)
        assert "rag.chunk" not in stored
        assert "key-of-big" not in stored
        assert "stored in the database" not in deployment.migrated(), "the second start has nothing to write"
        # On the running replicas too: they read the table with each request.
        assert _configuration(deployed.replicas[1], deployed) == {"TOP_K": 5, "CHUNK_SIZE": 800}

        with deployment.replicas(1) as [replica]:
            assert _configuration(replica, deployed) == {"TOP_K": 5, "CHUNK_SIZE": 800}
            identifier = upload(replica, _TEXT, deployed.token(replica)).body["id"]
            assert status(replica, identifier, deployed.token(replica)) == "completed"
        assert set(ollama.embeddings) == {("bge-m3", "Bearer key-of-big")}


_TEXT = Document(
    name="harbour.txt", content_type="text/plain", content=b"The harbour closes at nine.", question="", fact=""
)


def test_open_webui_itself_ignores_changed_variables_of_a_used_database(deployed: Deployed) -> None:
    """The reason for `stored_settings`."""
    with deployed.deployment.replicas(1, RAG_TOP_K="7") as [replica]:
        assert _configuration(replica, deployed)["TOP_K"] != 7


def _configuration(replica: Replica, deployed: Deployed) -> dict[str, int]:
    body = replica.request("GET", "/api/v1/retrieval/config", token=deployed.token()).body
    return {name: body[name] for name in ("TOP_K", "CHUNK_SIZE")}
