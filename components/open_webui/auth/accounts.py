"""Settings of accounts at sign-in: roles, groups, second factor, header of a proxy, SCIM."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.names import Word
from ...blocks.patterns import matching

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LIFETIME = re.compile(r"[1-9][0-9]{0,5}[smhdw]")


_header_name = matching(
    _HEADER, "header_name", "not a name of an HTTP header", allowed="letters, digits and '-'", example="X-User-Email"
)


_lifetime = matching(
    _LIFETIME,
    "lifetime",
    "not the lifetime of a sign-in: one that never ends cannot be taken back without Redis",
    allowed="a number and s, m, h, d or w; not -1 or 0",
    example="7d",
)


HeaderName = Annotated[str, _header_name]
Lifetime = Annotated[str, _lifetime]
"""A duration such as ``12h`` or ``4w``."""


class RoleSettings(Settings):
    """Roles that an OAuth provider assigns at each sign-in."""

    claim: Word | None = Field(
        None,
        examples=["roles"],
        description="Token claim with the roles; a path with dots selects nested objects. Default: the provider does "
        "not manage roles.",
    )
    allowed: list[Word] = Field(
        [], examples=["user"], description="Roles that may sign in; a user needs one of them. Default: `user`, `admin`."
    )
    admin: list[Word] = Field([], examples=["admin"], description="Values of administrators. Default: `admin`.")

    def problems(self) -> Iterator[Problem]:
        for key, values in (("allowed", self.allowed), ("admin", self.admin)):
            if values and not self.claim:
                yield Problem(
                    keys=("claim", key),
                    message=f"{key} without a token claim: the provider does not manage roles",
                    allowed="the token claim with the roles",
                    fix="roles",
                )
            for value in values:
                if "," in value:
                    yield Problem(
                        keys=(key,),
                        message=f"{key} {value} is several values in one",
                        allowed="a list with one role an entry",
                        fix=Fix.REMOVE,
                    )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        if not self.claim:
            return {}
        lists = {"OAUTH_ALLOWED_ROLES": self.allowed, "OAUTH_ADMIN_ROLES": self.admin}
        return {
            "ENABLE_OAUTH_ROLE_MANAGEMENT": "true",
            "OAUTH_ROLES_CLAIM": self.claim,
            **{name: ",".join(values) for name, values in lists.items() if values},
        }


class GroupSettings(Settings):
    """Groups that an OAuth provider assigns at each sign-in."""

    claim: Word | None = Field(
        None,
        examples=["groups"],
        description="Token claim with the groups, a list. A user is in exactly these groups after each sign-in. "
        "Default: the provider does not manage groups.",
    )
    create: bool = Field(False, description="Create groups that do not exist. Needs `claim`.")

    def problems(self) -> Iterator[Problem]:
        if self.create and not self.claim:
            yield Problem(
                keys=("claim", "create"),
                message="create without a token claim: the provider does not manage groups",
                allowed="the token claim with the groups",
                fix="groups",
            )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        if not self.claim:
            return {}
        return {
            "ENABLE_OAUTH_GROUP_MANAGEMENT": "true",
            "OAUTH_GROUPS_CLAIM": self.claim,
            **({"ENABLE_OAUTH_GROUP_CREATION": "true"} if self.create else {}),
        }


class SecondFactorSettings(Settings):
    """One-time passwords as a second factor."""

    enabled: bool | None = Field(
        None, examples=["true"], description="Offer a second factor. Default: the admin panel decides (off at first)."
    )
    oauth_bypass: bool | None = Field(
        None,
        examples=["true"],
        description="Skip it for a sign-in by an OAuth provider. Default: the admin panel decides.",
    )
    trusted_header_bypass: bool | None = Field(
        None,
        examples=["true"],
        description="Skip it for a sign-in by a trusted header. Default: the admin panel decides.",
    )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        switches = {
            "ENABLE_MFA": self.enabled,
            "MFA_ALLOW_OAUTH_BYPASS": self.oauth_bypass,
            "MFA_ALLOW_TRUSTED_HEADER_BYPASS": self.trusted_header_bypass,
        }
        return {name: str(value).lower() for name, value in switches.items() if value is not None}


class TrustedHeaderSettings(Settings):
    """Headers by which an authenticating proxy signs users in. It must drop those that a browser sends."""

    email: HeaderName | None = Field(
        None,
        examples=["X-Forwarded-Email"],
        description="Header with the e-mail address. Only with a network policy that admits the pods of the proxy "
        "alone: `openWebui.ingress.controllerNamespace` and `controllerLabels`.",
    )
    name: HeaderName | None = Field(
        None, examples=["X-Forwarded-User"], description="Header with the name. Default: the address is the name."
    )
    groups: HeaderName | None = Field(
        None, examples=["X-Forwarded-Groups"], description="Header with existing groups, with commas between them."
    )
    role: HeaderName | None = Field(
        None, examples=["X-Forwarded-Role"], description="Header with `admin`, `user` or `pending`."
    )

    def problems(self) -> Iterator[Problem]:
        for key, value in (("name", self.name), ("groups", self.groups), ("role", self.role)):
            if value and not self.email:
                yield Problem(
                    keys=("email", key),
                    message=f"{key} {value} without email: no header signs a user in",
                    allowed="the header with the e-mail address",
                    fix="X-Forwarded-Email",
                )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        headers = {
            "WEBUI_AUTH_TRUSTED_EMAIL_HEADER": self.email,
            "WEBUI_AUTH_TRUSTED_NAME_HEADER": self.name,
            "WEBUI_AUTH_TRUSTED_GROUPS_HEADER": self.groups,
            "WEBUI_AUTH_TRUSTED_ROLE_HEADER": self.role,
        }
        return {name: value for name, value in headers.items() if value}


class ScimSettings(Settings):
    """The SCIM 2.0 API at `/api/v1/scim/v2`, by which a provider creates and removes accounts."""

    enabled: bool = Field(False, description="Serve the API. Needs the secret `SCIM_TOKEN` and `provider`.")
    provider: Literal["oidc", "microsoft", "google"] | None = Field(
        None, description="OAuth provider whose accounts these are: its key in `auth`."
    )

    def problems(self) -> Iterator[Problem]:
        if self.provider and not self.enabled:
            yield Problem(
                keys=("provider", "enabled"),
                message="provider without enabled has no effect",
                allowed="both, or neither",
                fix=Fix.REMOVE,
            )

    def variables(self) -> dict[str, str]:
        """Environment variables without secrets."""
        return {"ENABLE_SCIM": "true", "SCIM_AUTH_PROVIDER": self.provider} if self.enabled and self.provider else {}
