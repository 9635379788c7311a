"""A SQLite database moves into the stack on the node: the pod, its network policies and volumes are real."""

import base64
import time
from pathlib import Path

import pytest

from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import WEB, Account, Stack
from stackctl.importing.pod import NAME
from stackctl.verify.web_api import WebApi
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node, sql
from tests.support.e2e.observation import SCRIPTS
from tests.support.e2e.session_tokens import Token

EVE = Account(email="eve@example.com", password="Password-of-eve-1")
TITLE = "Grüße 😀"


def test_a_user_of_the_source_signs_in_on_the_stack(
    node: Node, stack: Stack, client: str, measurements: Measurements, tmp_path: Path
) -> None:
    pod = str(stack.ready(WEB)[0]["metadata"]["name"])
    config = {"email": EVE.email, "password": EVE.password, "title": TITLE}
    made = stack.kubectl.python(pod, SCRIPTS / "single_database.py", config, container=WEB, seconds=120)
    (tmp_path / "webui.db").write_bytes(base64.b64decode(made))
    replicas, before = len(stack.ready(WEB)), sql(stack, "SELECT count(*) FROM chat")

    words = ("import", str(tmp_path), "--env", "dev", "--no-files", "--no-safety-dump", "--overwrite")
    shown = node.refused(*words)
    assert "user: " in shown
    assert "To import: add --yes" in shown
    assert sql(stack, "SELECT count(*) FROM chat") == before
    started = time.monotonic()
    output = node.stackctl(*words, "--yes")
    measurements.add("import of a small database, until the web pods are ready", f"{time.monotonic() - started:.0f} s")
    assert f"{replicas} web pods are ready again." in output

    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    token = Token(web.sign_in(EVE).body["token"])
    chat = web.request("GET", "/api/v1/chats/c1", token)
    assert (chat.status, chat.body["title"]) == (200, TITLE)
    # The stack's own account stays.
    assert web.sign_in(stack.administrator()).status == 200
    assert len(stack.ready(WEB)) == replicas
    with pytest.raises(KubectlError, match="not found"):
        stack.kubectl.get("pod", NAME)
