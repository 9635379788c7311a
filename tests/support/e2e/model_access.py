"""A service of models on this machine that a deployment's web pods may talk to."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from host.waiting import attempts
from stackctl.deployed.stack import WEB, Account, Stack
from stackctl.verify.web_api import Answer, WebApi
from tests.support.e2e.model_server import MODEL, model_server
from tests.support.e2e.session_tokens import Token

KEY = "not-a-real-key"
_ANSWER_SECONDS = 60
_POLICY = "model-of-tests"


def machine_address(stack: Stack) -> str:
    """Address at which pods reach this machine: the other end of the node's link."""
    [node] = stack.kubectl.get("nodes")["items"]
    [internal] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    return str(ipaddress.IPv4Address(internal) - 1)


def until_answered(request: Callable[[], Answer], fits: Callable[[Any], bool] = bool) -> Any:
    """Body of the first answer with status 200 that fits.

    Ready pods may not be reachable by the Service yet, and replicas that start together on an empty database end each
    other and start again: a request is repeated until a replica has done it.
    """
    for _ in attempts(seconds=_ANSWER_SECONDS, every=1):
        answer = request()
        if answer.status == 200 and fits(answer.body):
            return answer.body
    raise AssertionError(f"not as expected after {_ANSWER_SECONDS} s: {answer}")


def use(web: WebApi, token: str, url: str) -> None:
    """Make it the service of models in the admin settings, where the variable counts at the first start alone."""
    config = {"OPENAI_API_BASE_URLS": [url], "OPENAI_API_KEYS": [KEY], "OPENAI_API_CONFIGS": {"0": {}}}
    until_answered(lambda: web.request("POST", "/openai/config/update", token, {"ENABLE_OPENAI_API": True, **config}))


@contextmanager
def model(stack: Stack, client: str, administrator: Account) -> Iterator[None]:
    """The service while the body runs, with a network policy for it and without a rolling update.

    Args:
        stack: whose web pods.
        client: name of the client pod.
        administrator: who changes the settings.
    """
    address = machine_address(stack)
    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    # Where no policy restricts their egress, this one would close every other way out, also to Redis.
    restricted = any(policy["metadata"]["name"] == WEB for policy in stack.kubectl.get("networkpolicies")["items"])
    if restricted:
        stack.kubectl.apply(_policy(address))
    try:
        with model_server(address) as url:
            token = Token(until_answered(lambda: web.sign_in(administrator))["token"])
            use(web, token, url)
            # The list of models is shared by the replicas; who looks at it makes it new.
            until_answered(
                lambda: web.request("GET", "/api/models", token),
                lambda body: MODEL in [each["id"] for each in body["data"]],
            )
            web.sign_out(token)
            yield
    finally:
        if restricted:
            stack.kubectl.run("delete", "networkpolicy", _POLICY, "--ignore-not-found")


def _policy(address: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": _POLICY},
        "spec": {
            "podSelector": {"matchLabels": {"app": WEB}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}]}],
        },
    }
