"""A temporary account for the checks. It and its chats are removed afterwards."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from terminal.invocation import option

from ..deployed.check import CheckError
from ..deployed.runs import is_orphaned, this_run
from ..deployed.stack import Account
from .web_api import Answer, WebApi

DOMAIN = "verify.open-webui-stack.invalid"
"""Domain of the accounts' addresses. RFC 2606: it can never receive mail."""


@contextmanager
def guest(web: WebApi, administrator: Account) -> Iterator[Account]:
    """A new account of an ordinary user, created by the administrator.

    Args:
        web: a replica.
        administrator: creates and removes it.

    Raises:
        CheckError: the administrator cannot sign in or may not add an account, or the account cannot be removed.
    """
    token = _signed_in(web, administrator)
    try:
        _remove_orphans(web, token)
        # The local part names the run, so another run can detect an orphaned account.
        account = Account(email=f"{this_run()}@{DOMAIN}", password=f"{secrets.token_urlsafe(24)}Aa1!")
        added = web.request("POST", "/api/v1/auths/add", token, {**_user(account), "role": "user"})
        if added.status != 200:
            raise CheckError(f"{administrator.email} cannot add an account: {added}")
        try:
            yield account
        finally:
            _remove(web, token, str(added.body["id"]), account.email)
    finally:
        web.sign_out(token)


def _signed_in(web: WebApi, administrator: Account) -> str:
    answer = web.sign_in(administrator)
    if answer.status == 200 and answer.body.get("token"):
        return str(answer.body["token"])
    raise CheckError(_refusal(administrator, answer))


def _refusal(administrator: Account, answer: Answer) -> str:
    if answer.status == 200:
        return f"{administrator.email} needs a second factor; name an account without one: --admin-email"
    if answer.status == 429:
        return f"{administrator.email} has signed in too often (15 times in 3 minutes); wait that long"
    if answer.status in (400, 401, 403):
        return (
            f"{administrator.email} cannot sign in ({answer}). The Secret holds the initial password. If it was "
            f"changed in Open WebUI, name a file with the present one: {option('admin_password_file', '<file>')}"
        )
    return f"{administrator.email} cannot sign in: {answer}"


def _user(account: Account) -> dict[str, Any]:
    return {"name": "make verify", "email": account.email, "password": account.password}


def _remove_orphans(web: WebApi, token: str) -> None:
    """Remove the accounts of killed runs."""
    answer = web.request("GET", f"/api/v1/users/?{urlencode({'query': DOMAIN})}", token)
    for user in answer.body["users"] if answer.status == 200 else []:
        owner, _, domain = str(user["email"]).partition("@")
        if domain == DOMAIN and is_orphaned(owner):
            _remove(web, token, str(user["id"]), str(user["email"]))


def _remove(web: WebApi, token: str, identifier: str, email: str) -> None:
    answer = web.request("DELETE", f"/api/v1/users/{identifier}", token)
    if answer.status != 200:
        raise CheckError(f"the account {email} could not be removed ({answer}): remove it in the admin panel")
