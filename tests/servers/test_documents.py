"""A document that one replica receives is answered about by the other, with Tika and the models of the settings."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.document_model import DocumentModel, document_model
from tests.support.documents import DOCUMENTS, Document
from tests.support.servers.document_requests import ask, status, upload
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Replica, Servers, servers
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


def test_a_changed_setting_reaches_an_existing_database_as_the_page_says(deployed: Deployed) -> None:
    """docs/documents.md: the stored value wins until its row is deleted and a pod starts."""
    changes = {"TIKA_SERVER_URL": "http://127.0.0.1:1", "RAG_TOP_K": "9"}
    with deployed.deployment.replicas(1, **changes) as [replica]:
        assert _top_k(replica, deployed) == 3, "the database keeps the value of its first start"
    with deployed.around.database.connect(autocommit=True) as connection:
        connection.execute("DELETE FROM config WHERE key LIKE 'rag.%'")
    with deployed.deployment.replicas(1, RAG_TOP_K="9", TIKA_SERVER_URL=deployed.tika.url) as [replica]:
        assert _top_k(replica, deployed) == 9


def _top_k(replica: Replica, deployed: Deployed) -> int:
    return int(replica.request("GET", "/api/v1/retrieval/config", token=deployed.token(replica)).body["TOP_K"])
