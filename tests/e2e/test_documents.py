"""On real pods: one replica receives a document, Tika extracts it, another replica answers about it and cites it."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.web_api import WebApi
from tests.support.document_model import CHAT_MODEL, document_model
from tests.support.documents import DOCUMENTS, Document
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.model_access import KEY, machine_address, use
from tests.support.e2e.node import Node, sql
from tests.support.e2e.observation import SCRIPTS
from tests.support.e2e.session_tokens import Token

_ROLL_SECONDS = 400


@pytest.fixture(scope="module")
def reading(node: Node, stack: Stack, client: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a service that embeds and answers. Its database existed before (docs/documents.md)."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(KEY)
    with document_model(machine_address(stack)) as model:
        node.sets["openWebui.openaiApiBaseUrl"] = model.url
        node.secret_files["openaiApiKey"] = str(key)
        node.up()
        sql(stack, "DELETE FROM config WHERE key LIKE 'rag.%'")
        stack.kubectl.run("rollout", "restart", f"deployment/{WEB}")
        stack.kubectl.run(
            "rollout", "status", f"deployment/{WEB}", f"--timeout={_ROLL_SECONDS}s", seconds=_ROLL_SECONDS + 10
        )
        web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
        token = Token(web.sign_in(stack.administrator()).body["token"])
        use(web, token, model.url)
        assert CHAT_MODEL in [each["id"] for each in web.request("GET", "/api/models", token).body["data"]]
        web.sign_out(token)
        yield stack


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_another_replica_answers_about_a_document_and_cites_it(
    reading: Stack, token: str, measurements: Measurements, document: Document
) -> None:
    first, second, *_ = [pod["metadata"]["name"] for pod in reading.ready(WEB)]
    uploaded = _in_pod(
        reading,
        first,
        token=token,
        name=document.name,
        content_type=document.content_type,
        content=base64.b64encode(document.content).decode(),
    )
    reply = _in_pod(reading, second, token=token, model=CHAT_MODEL, question=document.question, id=uploaded["id"])
    assert reply["text"].endswith(f"{document.fact} [1]")
    assert reply["cited"] == [document.name]
    measurements.add(
        f"a document can be asked about after its upload ({document.name})", f"{uploaded['seconds']:.1f} s"
    )


def _in_pod(stack: Stack, pod: str, **config: Any) -> Any:
    return stack.kubectl.python(pod, SCRIPTS / "documents.py", config, container=WEB, seconds=120)
