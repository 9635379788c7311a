"""Settings of sign-in."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ...blocks.base_settings import Problem
from ...blocks.names import HostName, Word
from ..feature_settings import FeatureSettings, SecretKey
from .accounts import (
    GroupSettings,
    Lifetime,
    RoleSettings,
    ScimSettings,
    SecondFactorSettings,
    TrustedHeaderSettings,
)
from .ldap import LdapSettings
from .providers import REDIRECTS, ClaimSettings, GitHubSettings, GoogleSettings, MicrosoftSettings, OidcSettings
from .rules import auth_problems, deployment_problems

if TYPE_CHECKING:
    from ..settings import OpenWebUISettings


def _secret(variable: str, setting: str, description: str) -> SecretKey:
    return SecretKey(name=variable, variable=variable, key=variable, setting=setting, description=description)


class AuthSettings(FeatureSettings):
    """How users sign in, and the accounts that they get."""

    SECRETS: ClassVar = (
        _secret("OAUTH_CLIENT_SECRET", "oidc.clientId", "Secret of the client `openWebui.auth.oidc.clientId`."),
        _secret(
            "MICROSOFT_CLIENT_SECRET",
            "microsoft.clientId",
            "Secret of the application `openWebui.auth.microsoft.clientId`.",
        ),
        _secret("GOOGLE_CLIENT_SECRET", "google.clientId", "Secret of the client `openWebui.auth.google.clientId`."),
        _secret("GITHUB_CLIENT_SECRET", "github.clientId", "Secret of the app `openWebui.auth.github.clientId`."),
        _secret("LDAP_APP_PASSWORD", "ldap.appDn", "Password of the account `openWebui.auth.ldap.appDn`."),
        _secret("SCIM_TOKEN", "scim.enabled", "Bearer token of the SCIM API. Required with `openWebui.auth.scim`."),
    )

    oidc: OidcSettings = Field(OidcSettings(), description="Any OpenID Connect provider.")
    microsoft: MicrosoftSettings = Field(MicrosoftSettings(), description="Microsoft Entra ID.")
    google: GoogleSettings = Field(GoogleSettings(), description="Google.")
    github: GitHubSettings = Field(GitHubSettings(), description="GitHub.")
    claims: ClaimSettings = Field(ClaimSettings(), description="Token claims of a user, for every OAuth provider.")
    pkce: bool = Field(False, description="Use PKCE (S256) also for a client with a secret, with every OAuth provider.")
    timeout_seconds: int | None = Field(
        None,
        ge=1,
        le=300,
        description="Timeout of a request to an OAuth provider, in seconds. Default: that of the HTTP client, 5.",
    )
    provider_sign_up: bool = Field(
        False,
        description="Create an account at the first sign-in by an OAuth provider. Otherwise only accounts of SCIM "
        "and, with `mergeAccountsByEmail`, existing accounts can sign in.",
    )
    allowed_domains: list[HostName] = Field(
        [],
        examples=["example.com"],
        description="Domains of the addresses that OAuth providers may sign in. Default: any.",
    )
    provider_verifies_email: bool = Field(
        False, description="State that every OAuth provider sends only addresses that it has verified."
    )
    merge_accounts_by_email: bool = Field(
        False,
        description="Let an OAuth provider sign in to the existing account of the same address. Needs "
        "`providerVerifiesEmail`: otherwise anyone who registers an administrator's address at the "
        "provider becomes that administrator.",
    )
    back_channel_logout: bool = Field(
        False,
        description="Serve `/oauth/backchannel-logout`: the provider ends the sign-ins of a user, at every replica.",
    )
    roles: RoleSettings = Field(RoleSettings(), description="Roles by an OAuth provider.")
    groups: GroupSettings = Field(GroupSettings(), description="Groups by an OAuth provider.")
    ldap: LdapSettings = Field(LdapSettings(), description="Sign-in by a directory.")
    trusted_header: TrustedHeaderSettings = Field(
        TrustedHeaderSettings(), description="Sign-in by an authenticating proxy in front."
    )
    scim: ScimSettings = Field(ScimSettings(), description="Accounts managed by a provider.")
    password_login: bool | None = Field(
        None,
        examples=["false"],
        description="`false`: no sign-in by password, which includes LDAP and the trusted "
        "header, and no form. `true`: both. Default: by password; the admin panel shows or hides the form.",
    )
    login_form: bool | None = Field(
        None,
        examples=["false"],
        description="Show the form. The API accepts passwords even if the form is hidden. Default: as `passwordLogin`.",
    )
    sign_up: bool | None = Field(
        None,
        examples=["false"],
        description="Let anyone who can open the site create an account with the form. "
        "Default: the admin panel decides (off at first).",
    )
    default_role: Literal["pending", "user", "admin"] | None = Field(
        None, description="Role of a new account. Default: the admin panel decides (`pending` at first)."
    )
    default_group_id: Word | None = Field(
        None,
        examples=["9f1c1f0e-5f0b-4c46-8d51-0c6b1d5c1c11"],
        description="ID of a group that every new account joins. Default: the admin panel decides.",
    )
    token_lifetime: Lifetime | None = Field(
        None,
        examples=["7d"],
        description="How long a sign-in lasts: a number and s, m, h, d or w. Default: the admin "
        "panel decides (`4w` at first).",
    )
    mfa: SecondFactorSettings = Field(SecondFactorSettings(), description="Second factor.")

    def problems(self) -> Iterator[Problem]:
        yield from auth_problems(self)

    def conflicts(self, web: "OpenWebUISettings") -> Iterator[Problem]:
        yield from deployment_problems(self, web)

    @property
    def providers(self) -> dict[str, str]:
        """Client IDs of the OAuth providers by the providers' keys."""
        clients = {
            "oidc": self.oidc.client_id,
            "microsoft": self.microsoft.client_id,
            "google": self.google.client_id,
            "github": self.github.client_id,
        }
        return {key: client for key, client in clients.items() if client}

    def uses(self, secret: SecretKey) -> bool:
        used: Mapping[str, bool] = {
            "oidc.clientId": self.oidc.client_id is not None and not self.oidc.public_client,
            "ldap.appDn": self.ldap.is_used and self.ldap.app_dn is not None,
            "scim.enabled": self.scim.enabled,
            **{f"{key}.clientId": key in self.providers for key in ("microsoft", "google", "github")},
        }
        return used[secret.setting]

    def urls(self) -> dict[str, str]:
        urls = {
            "oidc.providerUrl": self.oidc.provider_url,
            "google.clientId": "https://accounts.google.com" if self.google.client_id else None,
            "github.clientId": "https://github.com" if self.github.client_id else None,
            "ldap.host": self.ldap.url if self.ldap.is_used else None,
        }
        microsoft = {f"microsoft.{key}": url for key, url in self.microsoft.urls().items()}
        return {**{key: url for key, url in urls.items() if url}, **microsoft}

    def variables(self, web: "OpenWebUISettings", _services: Mapping[str, str]) -> dict[str, str]:
        form = self.password_login if self.login_form is None else self.login_form
        chosen = {
            "GOOGLE_CLIENT_ID": self.google.client_id,
            "GITHUB_CLIENT_ID": self.github.client_id,
            "OAUTH_CODE_CHALLENGE_METHOD": "S256" if self.pkce or self.oidc.public_client else None,
            "OAUTH_TIMEOUT": _text(self.timeout_seconds),
            "OAUTH_ALLOWED_DOMAINS": ",".join(self.allowed_domains),
            "ENABLE_PASSWORD_AUTH": _text(self.password_login),
            "ENABLE_LOGIN_FORM": _text(form),
            "ENABLE_SIGNUP": _text(self.sign_up),
            "DEFAULT_USER_ROLE": self.default_role,
            "DEFAULT_GROUP_ID": self.default_group_id,
            "JWT_EXPIRES_IN": self.token_lifetime,
            **{name: "true" for name, is_on in self._switches().items() if is_on},
        }
        variables = {
            **{name: value for name, value in chosen.items() if value},
            **self.oidc.variables(),
            **self.microsoft.variables(),
            **self.claims.variables(),
            **self.roles.variables(),
            **self.groups.variables(),
            **self.ldap.variables(),
            **self.trusted_header.variables(),
            **self.scim.variables(),
            **self.mfa.variables(),
        }
        return {**variables, **_redirects({**variables, **web.env}, web)}

    def stored_variables(self, web: "OpenWebUISettings", services: Mapping[str, str]) -> Iterable[str]:
        # A key that is not set has no variable.
        return [*self.variables(web, services), *(secret.variable for secret in self.SECRETS if self.uses(secret))]

    def _switches(self) -> dict[str, bool]:
        return {
            "ENABLE_OAUTH_SIGNUP": self.provider_sign_up,
            "OAUTH_MERGE_ACCOUNTS_BY_EMAIL": self.merge_accounts_by_email,
            "ENABLE_OAUTH_BACKCHANNEL_LOGOUT": self.back_channel_logout,
        }


def _text(value: bool | int | None) -> str | None:
    """A number or a boolean as the value of a variable; None if it is not set."""
    return None if value is None else str(value).lower()


def _redirects(variables: Mapping[str, str], web: "OpenWebUISettings") -> dict[str, str]:
    # Otherwise Open WebUI takes the scheme from X-Forwarded-Proto, which another proxy may replace with `http`. With
    # several hosts there is no alternative: the state of a sign-in is in a cookie of the host where it began.
    if not web.public_scheme or web.additional_hosts or not web.public_url:
        return {}
    return {
        variable: f"{web.public_url}/oauth/{provider}/callback"
        for client, (variable, provider) in REDIRECTS.items()
        if variables.get(client)
    }
