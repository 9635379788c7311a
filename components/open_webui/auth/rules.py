"""Rules between the settings of sign-in, and between them and the rest of the deployment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...blocks.base_settings import Fix, Problem

if TYPE_CHECKING:
    from ..settings import OpenWebUISettings
    from .settings import AuthSettings

_EXAMPLE = "chat.example.com"
_EXAMPLES = {
    "providerUrl": "https://login.example.com/.well-known/openid-configuration",
    "tenantId": "00000000-0000-0000-0000-000000000000",
    "clientId": "00000000-0000-0000-0000-000000000000",
}


def auth_problems(auth: AuthSettings) -> Iterator[Problem]:
    """Settings of sign-in that contradict each other, with keys relative to `auth`."""
    yield from _without_method(auth)
    yield from _without_provider(auth)
    if auth.merge_accounts_by_email and not auth.provider_verifies_email:
        yield Problem(
            keys=("mergeAccountsByEmail", "providerVerifiesEmail"),
            message="mergeAccountsByEmail with a provider that may send unverified addresses: anyone who registers an "
            "administrator's address there becomes that administrator",
            allowed="false, or providerVerifiesEmail: true if every provider verifies addresses",
            fix="false",
        )
    yield from _scim_problems(auth)
    if auth.back_channel_logout and auth.providers and set(auth.providers) == {"github"}:
        yield Problem(
            keys=("backChannelLogout", "github.clientId"),
            message="backChannelLogout with GitHub alone, which does not send it",
            allowed="false, or an OpenID Connect provider",
            fix=Fix.REMOVE,
        )
    if auth.pkce and auth.oidc.public_client:
        yield Problem(
            keys=("pkce", "oidc.publicClient"),
            message="pkce with oidc.publicClient, which always uses it",
            allowed="remove pkce",
            fix=Fix.REMOVE,
        )


def _scim_problems(auth: AuthSettings) -> Iterator[Problem]:
    possible = [provider for provider in auth.providers if provider != "github"]
    if not auth.scim.enabled or auth.scim.provider in possible:
        return
    if possible:
        yield Problem(
            keys=("scim.provider", f"{possible[0]}.clientId"),
            message=f"scim.provider {auth.scim.provider or '(not set)'} is not an OAuth provider here: accounts "
            "of SCIM could not sign in",
            allowed=" | ".join(possible),
            fix=possible[0],
        )
    else:
        yield Problem(
            keys=("scim", "oidc.clientId"),
            message="scim without an OAuth provider: its accounts could not sign in",
            allowed="with oidc, microsoft or google",
            fix=Fix.REMOVE,
        )


def _without_method(auth: AuthSettings) -> Iterator[Problem]:
    """Sign-in methods that are turned off, or off for everyone."""
    if auth.password_login is False:
        by_password = {"ldap.host": auth.ldap.is_used, "trustedHeader.email": auth.trusted_header.email is not None}
        for key in (key for key, is_used in by_password.items() if is_used):
            yield Problem(
                keys=("passwordLogin", key),
                message=f"passwordLogin false with {key}: Open WebUI then refuses that sign-in too",
                allowed="loginForm: false to hide the form, with passwordLogin: true",
                fix="true",
            )
        if not auth.providers and not any(by_password.values()):
            yield Problem(
                keys=("passwordLogin", "oidc.clientId"),
                message="passwordLogin false without an OAuth provider: no user could sign in",
                allowed="true, or one of oidc, microsoft, google and github",
                fix="true",
            )
        if auth.login_form:
            yield Problem(
                keys=("loginForm", "passwordLogin"),
                message="loginForm true with passwordLogin false: the form would refuse everyone",
                allowed="remove it, or set passwordLogin: true",
                fix=Fix.REMOVE,
            )
    others = auth.providers or auth.ldap.is_used or auth.trusted_header.email
    if auth.login_form is False and auth.password_login is not False and not others:
        yield Problem(
            keys=("loginForm", "oidc.clientId"),
            message="loginForm false without another way to sign in: the page would be empty",
            allowed="true, or an OAuth provider, ldap or trustedHeader",
            fix="true",
        )
    if auth.sign_up and (auth.password_login is False or auth.login_form is False):
        yield Problem(
            keys=("signUp", "passwordLogin" if auth.password_login is False else "loginForm"),
            message="signUp true without the form: no user could sign up",
            allowed="false, or providerSignUp for accounts of a provider",
            fix="false",
        )


def _without_provider(auth: AuthSettings) -> Iterator[Problem]:
    """Settings of OAuth providers where there is none."""
    if auth.providers:
        return
    for key, is_set in (
        ("roles", auth.roles.claim is not None),
        ("groups", auth.groups.claim is not None),
        ("claims", bool(auth.claims.model_fields_set)),
        ("allowedDomains", bool(auth.allowed_domains)),
        ("providerSignUp", auth.provider_sign_up),
        ("mergeAccountsByEmail", auth.merge_accounts_by_email),
        ("providerVerifiesEmail", auth.provider_verifies_email),
        ("backChannelLogout", auth.back_channel_logout),
        ("timeoutSeconds", auth.timeout_seconds is not None),
        ("pkce", auth.pkce),
    ):
        if is_set:
            yield Problem(
                keys=(key, "oidc.clientId"),
                message=f"{key} without an OAuth provider has no effect",
                allowed="set only with oidc, microsoft, google or github",
                fix=Fix.REMOVE,
            )


def deployment_problems(auth: AuthSettings, web: OpenWebUISettings) -> Iterator[Problem]:
    """Conflicts between sign-in and the deployment, with keys relative to `openWebui`."""
    providers = {**{key: None for key, needed in _needed(auth).items() if needed}, **auth.providers}
    yield from _missing(auth)
    if providers and not web.host:
        provider = next(iter(providers))
        yield Problem(
            keys=("host", f"auth.{provider}"),
            message=f"auth.{provider} without host: the provider sends users back to the public URL",
            allowed="the public host name",
            fix=_EXAMPLE,
        )
    if auth.trusted_header.email and not _admits_one_proxy(web):
        yield Problem(
            keys=("auth.trustedHeader", "ingress.controllerLabels"),
            message=f"auth.trustedHeader.email {auth.trusted_header.email} with a network policy that admits more than "
            "one proxy: any pod that may connect could sign in as anyone",
            allowed="with ingress.controllerNamespace and ingress.controllerLabels of the authenticating proxy, and "
            "without allowedCidrs, gateway and loadBalancer",
            fix=Fix.REMOVE,
        )


def _needed(auth: AuthSettings) -> dict[str, dict[str, str | None]]:
    return {"oidc": auth.oidc.needed, "microsoft": auth.microsoft.needed}


def _missing(auth: AuthSettings) -> Iterator[Problem]:
    """Required keys of a provider that have no value."""
    for provider, needed in _needed(auth).items():
        for key, value in needed.items():
            if not value:
                yield Problem(
                    keys=(f"auth.{provider}.{key}", *(f"auth.{provider}.{each}" for each in needed if each != key)),
                    message=f"auth.{provider}.{key} is missing: the provider needs {' and '.join(needed)}",
                    allowed="both, or neither",
                    fix=_EXAMPLES[key],
                )


def _admits_one_proxy(web: OpenWebUISettings) -> bool:
    clients = web.clients
    if clients.cidrs or clients.cilium_entities:
        return False
    return len(clients.pods) == 1 and all(namespace and pods for namespace, pods in clients.pods)
