"""Checks that the replicas are interchangeable: a change on one takes effect on the others."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..deployed.check import CannotRunError, CheckError
from ..deployed.stack import Stack
from .client_pod import CONTAINER
from .inside_pods import web_pods
from .scripts import SCRIPTS
from .visit import Visit
from .web_api import WebApi

_EVENT_SECONDS = 15


def session_is_shared(visit: Visit) -> Callable[[Stack], str]:
    """Check that all replicas have the same signing key and database."""

    def run(stack: Stack) -> str:
        one, *others = _replicas(visit, stack)
        with _signed_in(visit, stack, one) as token:
            for other in others:
                if (answer := other.session(token)).status != 200:
                    raise CheckError(f"signed in on {one.url}; {other.url} answers with {answer}")
        return f"signed in on one replica, valid on {len(others)} more"

    return run


def event_crosses(visit: Visit) -> Callable[[Stack], str]:
    """Check that events of Socket.IO go through Redis."""

    def run(stack: Stack) -> str:
        one, other, *_ = _replicas(visit, stack)
        with _signed_in(visit, stack, one) as token, _chat(one, token) as chat:
            mark = secrets.token_hex(16)
            url = f"{other.url}/api/v1/chats/{chat}/messages/{secrets.token_hex(16)}/event"
            event = {"type": "status", "data": {"description": mark, "done": True}}
            seen = _websocket(stack, one, token=token, url=url, json=event, mark=mark)
        if seen["status"] != 200:
            raise CheckError(f"{other.url} rejects the event: status {seen['status']}")
        if not seen["event"]:
            raise CheckError(f"posted to {other.url}, not at the websocket of {one.url} after {_EVENT_SECONDS} s")
        return f"arrived after {seen['seconds']:.2f} s"

    return run


def sign_out_counts(visit: Visit) -> Callable[[Stack], str]:
    """Check that revoked tokens are in Redis."""

    def run(stack: Stack) -> str:
        one, other, *_ = replicas = _replicas(visit, stack)
        with _signed_in(visit, stack, one) as token:
            if (answer := one.session(token)).status != 200:
                raise CheckError(f"{one.url} rejects the token that it issued: {answer}")
            url = f"{other.url}/api/v1/auths/signout"
            seen = _websocket(stack, one, token=token, url=url, json={}, mark=None)
            if seen["status"] != 200:
                raise CheckError(f"{other.url} does not sign out: status {seen['status']}")
            for replica in replicas:
                if (answer := replica.session(token)).status != 401:
                    raise CheckError(f"signed out on {other.url}; {replica.url} answers with {answer}, not 401")
        if not seen["closed"]:
            raise CheckError(f"rejected by all, but the websocket is still open after {_EVENT_SECONDS} s")
        return f"rejected by {len(replicas)}; websocket closed after {seen['seconds']:.2f} s"

    return run


def _replicas(visit: Visit, stack: Stack) -> list[WebApi]:
    if len(web_pods(stack)) < 2:
        raise CannotRunError("there is only one replica")
    return visit.replicas(stack)


@contextmanager
def _signed_in(visit: Visit, stack: Stack, web: WebApi) -> Iterator[str]:
    answer = web.sign_in(visit.guest(stack, web))
    if answer.status != 200:
        raise CheckError(f"the temporary account cannot sign in on {web.url}: {answer}")
    token = str(answer.body["token"])
    try:
        yield token
    finally:
        web.sign_out(token)


@contextmanager
def _chat(web: WebApi, token: str) -> Iterator[str]:
    """A chat of the temporary account. The removal of the account would delete it as well."""
    answer = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "make verify"}})
    if answer.status != 200:
        raise CheckError(f"the temporary account cannot create a chat: {answer}")
    chat = str(answer.body["id"])
    try:
        yield chat
    finally:
        web.request("DELETE", f"/api/v1/chats/{chat}", token)


def _websocket(stack: Stack, replica: WebApi, **config: Any) -> Any:
    config |= {"websocket": replica.url, "seconds": _EVENT_SECONDS}
    return stack.kubectl.python(replica.client, SCRIPTS / "websocket.py", config, container=CONTAINER)
