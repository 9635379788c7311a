"""The designs that one run compares on one node, one after the other."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from stack_config.files import ROOT
from stackctl.deployed.stack import WEB, Account, Stack
from stackctl.verify.web_api import Answer, WebApi
from tests.support.e2e import earlier_build
from tests.support.e2e.model_access import until_answered
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

REPLICAS = 3
SOURCE_DESIGN = ROOT / "tests/e2e/source-design.yaml"
OFFICIAL_CHART = ROOT / "tests/e2e/official-chart.yaml"
_CHART_NAMESPACE = "rag-chart"
_STOP_SECONDS = 120
FIRST = Account(email="first@example.com", password=secrets.token_urlsafe(24))
"""The account that signs up on an empty database: the first one is the administrator."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One design. Its Service is `open-webui`, and its pods have the label `app` of this stack's pods."""

    stack: Stack
    deploy: Callable[[], None]
    """Returns when the objects are there; pods may still start."""

    workload: str = f"deployment/{WEB}"
    """That of the web pods, for kubectl."""

    redis: str = "redis"
    """Container of Redis."""

    account: Callable[[], Account] = lambda: FIRST

    def token(self, client: str) -> Token:
        """A token of its administrator, who signs up where there is none."""
        return signed_in(self.stack, client, self.account())

    def stop(self) -> None:
        """End all of its pods, so that the next design has the node for itself."""
        self.stack.kubectl.run("scale", "deployment,statefulset", "--all", "--replicas=0")
        self.stack.kubectl.run("delete", "pods", "--all", "--grace-period=1", seconds=_STOP_SECONDS)


def signed_in(stack: Stack, client: str, account: Account = FIRST) -> Token:
    """A token of an account, which signs up where there is none (any more).

    Args:
        stack: of a design.
        client: name of its client pod.
        account: who signs in.
    """
    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    body = {"name": "first", "email": account.email, "password": account.password}

    def sign_in() -> Answer:
        answer = web.sign_in(account)
        return answer if answer.status == 200 else web.request("POST", "/api/v1/auths/signup", json=body)

    return Token(until_answered(sign_in)["token"])


class StatefulStack(Stack):
    """A design whose web pods belong to a StatefulSet."""

    def deployment(self) -> dict[str, Any]:
        """The StatefulSet, whose template is in the same place."""
        return self.kubectl.get("statefulset", WEB)


def this_build(node: Node) -> Design:
    """The stack of this revision."""
    stack = node.stack()

    def deploy() -> None:
        node.up()

    return Design(stack=stack, deploy=deploy, account=stack.administrator)


def build_before(node: Node, checkout: Path, cache: Path) -> Design:
    """The stack of an earlier revision, with the same config."""
    kubectl = node.stack().kubectl
    stack = Stack(replace(kubectl, namespace=earlier_build.NAMESPACE))

    def deploy() -> None:
        assert kubectl.kubeconfig
        earlier_build.deploy(checkout, kubectl.kubeconfig, cache, node.sets)

    return Design(stack=stack, deploy=deploy, account=stack.administrator)


def source_design(node: Node) -> Design:
    """The plain design of the source document."""
    objects = _with_replicas(list(yaml.safe_load_all(SOURCE_DESIGN.read_text())))
    stack = Stack(replace(node.stack().kubectl, namespace=objects[0]["metadata"]["name"]))
    return Design(stack=stack, deploy=lambda: _apply(stack, objects))


def official_chart(node: Node) -> Design:
    """The official chart, with the PostgreSQL of the source design as its external one."""
    stack = StatefulStack(replace(node.stack().kubectl, namespace=_CHART_NAMESPACE))
    return Design(
        stack=stack,
        deploy=lambda: _apply(stack, chart_objects()),
        workload=f"statefulset/{WEB}",
        redis=f"{WEB}-redis",
    )


def chart_objects() -> list[dict[str, Any]]:
    """The namespace, PostgreSQL, and the objects of the chart."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _CHART_NAMESPACE}}
    plain = [each for each in yaml.safe_load_all(SOURCE_DESIGN.read_text()) if each["metadata"]["name"] == "postgres"]
    for each in plain:
        each["metadata"]["namespace"] = _CHART_NAMESPACE
    return [namespace, *plain, *yaml.safe_load_all(OFFICIAL_CHART.read_text())]


def _with_replicas(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    [web] = [each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == WEB]
    web["spec"]["replicas"] = REPLICAS
    return objects


def _apply(stack: Stack, objects: list[dict[str, Any]]) -> None:
    stack.kubectl.run("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
