"""Settings of the OAuth providers. Sources: `load_oauth_providers` and `utils/oauth.py` of Open WebUI 0.12.4."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.names import HttpUrl, Line, Word

_DISCOVERY = "/.well-known/openid-configuration"
_OPENID = "openid"


class OidcSettings(Settings):
    """Any OpenID Connect provider."""

    provider_url: HttpUrl | None = Field(
        None,
        examples=[f"https://login.example.com{_DISCOVERY}"],
        description=f"Discovery document of the provider; its path ends with `{_DISCOVERY}`.",
    )
    client_id: Word | None = Field(
        None, examples=["chat"], description="Client ID. Needs the secret `OAUTH_CLIENT_SECRET`."
    )
    public_client: bool = Field(
        False, description="The client has no secret and uses PKCE. Do not set `OAUTH_CLIENT_SECRET`."
    )
    provider_name: Line | None = Field(None, examples=["Example"], description="Name on the button. Default: `SSO`.")
    scopes: list[Word] = Field(
        [], examples=["openid"], description="Scopes of the request. Default: `openid`, `email`, `profile`."
    )
    audience: Word | None = Field(
        None, examples=["https://chat.example.com"], description="Parameter `audience` of the request (Auth0)."
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] | None = Field(
        None, description="How the client sends its secret. Default: `client_secret_basic`."
    )
    end_session_url: HttpUrl | None = Field(
        None,
        examples=["https://login.example.com/logout"],
        description="URL that ends the session at the provider. Default: the end session endpoint of the discovery "
        "document.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.provider_url and not self.provider_url.endswith(_DISCOVERY):
            yield Problem(
                keys=("providerUrl",),
                message=f"providerUrl {self.provider_url} is not a discovery document",
                allowed=f"a URL that ends with {_DISCOVERY}",
                fix=f"{self.provider_url.rstrip('/')}{_DISCOVERY}",
            )
        if self.scopes and _OPENID not in self.scopes:
            yield Problem(
                keys=("scopes",),
                message=f"scopes without {_OPENID}: the provider would send no ID token",
                allowed=f"{_OPENID} and further scopes",
                fix=_OPENID,
            )
        if self.public_client and self.token_endpoint_auth_method:
            yield Problem(
                keys=("tokenEndpointAuthMethod", "publicClient"),
                message=f"tokenEndpointAuthMethod {self.token_endpoint_auth_method} with publicClient: there is no "
                "secret to send",
                allowed="remove it, or set publicClient: false",
                fix=Fix.REMOVE,
            )

    @property
    def needed(self) -> dict[str, str | None]:
        """The keys that it needs, with their values; empty when no key is set."""
        if not self.model_dump(exclude_defaults=True):
            return {}
        return {"providerUrl": self.provider_url, "clientId": self.client_id}

    def variables(self) -> dict[str, str]:
        """Environment variables without secrets."""
        method = "none" if self.public_client else self.token_endpoint_auth_method
        optional = {
            "OPENID_PROVIDER_URL": self.provider_url,
            "OAUTH_CLIENT_ID": self.client_id,
            "OAUTH_PROVIDER_NAME": self.provider_name,
            "OAUTH_SCOPES": " ".join(self.scopes),
            "OAUTH_AUDIENCE": self.audience,
            "OAUTH_TOKEN_ENDPOINT_AUTH_METHOD": method,
            "OPENID_END_SESSION_ENDPOINT": self.end_session_url,
        }
        return {name: value for name, value in optional.items() if value}


class MicrosoftSettings(Settings):
    """Microsoft Entra ID."""

    tenant_id: Word | None = Field(
        None,
        examples=["00000000-0000-0000-0000-000000000000"],
        description="Directory (tenant) ID. `common` and `organizations` admit accounts of other tenants.",
    )
    client_id: Word | None = Field(
        None,
        examples=["00000000-0000-0000-0000-000000000000"],
        description="Application (client) ID. Needs the secret `MICROSOFT_CLIENT_SECRET`.",
    )
    login_base_url: HttpUrl | None = Field(
        None,
        examples=["https://login.microsoftonline.us"],
        description="Sign-in address of a national cloud. Default: `https://login.microsoftonline.com`.",
    )

    @property
    def needed(self) -> dict[str, str | None]:
        """The keys that it needs, with their values; empty when no key is set."""
        if not self.model_dump(exclude_defaults=True):
            return {}
        return {"tenantId": self.tenant_id, "clientId": self.client_id}

    def variables(self) -> dict[str, str]:
        """Environment variables without secrets."""
        optional = {
            "MICROSOFT_CLIENT_ID": self.client_id,
            "MICROSOFT_CLIENT_TENANT_ID": self.tenant_id,
            "MICROSOFT_CLIENT_LOGIN_BASE_URL": self.login_base_url,
        }
        return {name: value for name, value in optional.items() if value}

    def urls(self) -> dict[str, str]:
        """URLs that the web pods connect to: sign-in, and the picture of the account."""
        login = self.login_base_url or "https://login.microsoftonline.com"
        return {"loginBaseUrl": login, "clientId": "https://graph.microsoft.com"} if self.client_id else {}


class GoogleSettings(Settings):
    """Google."""

    client_id: Word | None = Field(
        None,
        examples=["1234.apps.googleusercontent.com"],
        description="Client ID. Needs the secret `GOOGLE_CLIENT_SECRET`.",
    )


class GitHubSettings(Settings):
    """GitHub."""

    client_id: Word | None = Field(
        None, examples=["Iv1.1234567890abcdef"], description="Client ID. Needs the secret `GITHUB_CLIENT_SECRET`."
    )


REDIRECTS: Mapping[str, tuple[str, str]] = {
    "OAUTH_CLIENT_ID": ("OPENID_REDIRECT_URI", "oidc"),
    "GOOGLE_CLIENT_ID": ("GOOGLE_REDIRECT_URI", "google"),
    "MICROSOFT_CLIENT_ID": ("MICROSOFT_REDIRECT_URI", "microsoft"),
    "GITHUB_CLIENT_ID": ("GITHUB_CLIENT_REDIRECT_URI", "github"),
    "FEISHU_CLIENT_ID": ("FEISHU_REDIRECT_URI", "feishu"),
}
"""Client ID of each provider: the variable of its redirection, and the provider's name in the path."""


class ClaimSettings(Settings):
    """Token claims of a user, in the ID token or in the user information."""

    username: Word | None = Field(
        None, examples=["preferred_username"], description="Token claim of the name. Default: `name`."
    )
    email: Word | None = Field(None, examples=["upn"], description="Token claim of the address. Default: `email`.")
    picture: Word | None = Field(
        None, examples=["avatar"], description="Token claim of the picture's URL. Default: `picture`."
    )
    subject: Word | None = Field(
        None, examples=["oid"], description="Token claim that identifies the account. Default: `sub`; GitHub: `id`."
    )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        optional = {
            "OAUTH_USERNAME_CLAIM": self.username,
            "OAUTH_EMAIL_CLAIM": self.email,
            "OAUTH_PICTURE_CLAIM": self.picture,
            "OAUTH_SUB_CLAIM": self.subject,
        }
        return {name: value for name, value in optional.items() if value}
