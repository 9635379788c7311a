"""A backup can be restored, a restore can be undone, and backups can be turned off again."""

import re
import time

from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.web_api import WebApi
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node, sql
from tests.support.e2e.session_tokens import Token

VECTORS = """
CREATE TABLE e2e_vectors AS SELECT n AS id, ARRAY[n, 1, 2]::vector(3) AS place FROM generate_series(1, 100) AS n;
CREATE INDEX ON e2e_vectors USING hnsw (place vector_l2_ops);
"""
NEAREST = "SELECT id FROM e2e_vectors ORDER BY place <-> '[42, 1, 2]' LIMIT 1"


def test_a_chat_that_was_deleted_comes_back(node: Node, stack: Stack, client: str, measurements: Measurements) -> None:
    node.sets["backup.enabled"] = "true"
    node.up()
    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    token = Token(web.sign_in(stack.administrator()).body["token"])

    def new(title: str) -> str:
        return str(web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": title}}).body["id"])

    def title(chat: str) -> str | None:
        answer = web.request("GET", f"/api/v1/chats/{chat}", token)
        return str(answer.body["chat"]["title"]) if answer.status == 200 else None

    kept, replicas = new("kept"), len(stack.ready(WEB))
    sql(stack, VECTORS)
    started = time.monotonic()
    assert "The restored copy was identical." in node.backup("run")
    measurements.add("backup of a small database, restored and compared", f"{time.monotonic() - started:.0f} s")
    web.request("DELETE", f"/api/v1/chats/{kept}", token)
    sql(stack, "DROP TABLE e2e_vectors")
    later = new("later")
    assert (title(kept), title(later)) == (None, "later")

    started = time.monotonic()
    output = node.backup("restore", "--yes")
    measurements.add("restore of it, until the web pods are ready again", f"{time.monotonic() - started:.0f} s")

    assert (title(kept), title(later)) == ("kept", None)
    assert sql(stack, NEAREST) == "42"
    assert len(stack.ready(WEB)) == replicas
    [safety] = set(re.findall(r"ragsystemdb-\S+-before-restore\.dump", output))
    assert safety in node.backup("list")
    node.backup("restore", safety, "--yes", "--no-safety-dump")
    assert (title(kept), title(later)) == (None, "later")

    del node.sets["backup.enabled"]
    node.up()
    # Pods of finished Jobs do not keep the PersistentVolumeClaim, either.
    assert stack.kubectl.run("get", "cronjob,job,pvc", "-l", "app=postgres-backup", "-o", "name") == ""
