"""The document's deployment becomes the stack's, chats included, by the commands of docs/operations/adopt.md."""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from host.directories import CACHE_VARIABLE
from stack_config.files import ROOT
from stackctl.deployed.stack import WEB, Account, Stack
from stackctl.verify.client_pod import client_pod
from stackctl.verify.web_api import WebApi
from tests.support.e2e import faults
from tests.support.e2e.node import Node, cache_with_what_is_built
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault

MANIFESTS = Path(__file__).with_name("source-design.yaml")
NAMESPACE = "rag-system"
USER, DATABASE, PASSWORD = "ragsystemuser", "ragsystemdb", "rag322wq"
DUMP = "ragsystemdb.dump"
ACCOUNT = Account(email="first@example.com", password=secrets.token_urlsafe(24))


def commands() -> str:
    """The commands of the page that move a database."""
    section = (ROOT / "docs" / "operations" / "adopt.md").read_text()
    [block] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return str(block)


def by_hand() -> str:
    """The document's objects under the stack's names, with the document's role and database."""
    objects = list(yaml.safe_load_all(MANIFESTS.read_text().replace("rag-seed", NAMESPACE)))
    for item in objects:
        name = item["metadata"]["name"]
        if name == "postgresql-secret":
            item["stringData"]["database-url"] = f"postgresql://{USER}:{PASSWORD}@postgres:5432/{DATABASE}"
        if (item["kind"], name) == ("Deployment", "postgres"):
            [container] = item["spec"]["template"]["spec"]["containers"]
            script = (
                container["command"][2].replace("-U u", f"-U {USER}").replace("database d'", f"database {DATABASE}'")
            )
            container["command"][2] = script.replace("echo p ", f"echo {PASSWORD} ").replace(
                "=p psql", f"={PASSWORD} psql"
            )
            # What the official image has in its pods; its socket is elsewhere here.
            container["env"] = [{"name": "POSTGRES_PASSWORD", "value": PASSWORD}, {"name": "PGHOST", "value": "/tmp"}]
    return yaml.safe_dump_all(objects)


@pytest.fixture(scope="module")
def deployed(node: Node) -> Iterator[Stack]:
    """The document's deployment on a node of its own, where nothing of the stack is left."""
    node.up()
    stack = node.stack()
    try:
        stack.kubectl.run("delete", "namespace", NAMESPACE, "--wait", seconds=120)
        stack.kubectl.run("apply", "-f", "-", stdin=by_hand())
        faults.wait_until_ready(stack, 2)
        yield stack
    finally:
        node.stackctl("down")


def test_the_commands_of_the_readme_keep_every_chat(node: Node, deployed: Stack, tmp_path: Path) -> None:
    with client_pod(deployed) as client:
        web = WebApi(stack=deployed, client=client, url=f"http://{WEB}")
        body = {"name": "first", "email": ACCOUNT.email, "password": ACCOUNT.password}
        token = Token(web.request("POST", "/api/v1/auths/signup", json=body).body["token"])
        chat = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "kept"}}).body["id"]

    context = deployed.kubectl.run("config", "current-context").strip()
    script = commands().replace("<context>", context).replace(DUMP, str(tmp_path / DUMP))
    # A state of its own, and a new one: the node's environment has the stack that was there before.
    cache = cache_with_what_is_built(tmp_path / "cache")
    environment = {
        **node.environment,
        CACHE_VARIABLE: str(cache),
        "KUBECONFIG": str(deployed.kubectl.kubeconfig),
        "PATH": f"{Path(deployed.kubectl.program).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "postgresql-password-1: the value in use" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr

    faults.wait_until_ready(deployed, 2)
    with client_pod(deployed) as client:
        web = WebApi(stack=deployed, client=client, url=f"http://{WEB}")
        assert web.session(token).status == 200, "who was signed in still is"
        assert web.sign_in(ACCOUNT).status == 200
        assert web.request("GET", f"/api/v1/chats/{chat}", token).body["chat"]["title"] == "kept"
