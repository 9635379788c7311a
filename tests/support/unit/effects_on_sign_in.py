"""What the keys of sign-in do."""

from collections.abc import Mapping

from tests.support.unit.effects import Effect, variable
from tests.support.unit.effects_on_open_webui import PUBLIC
from tests.support.unit.recording import Recording

DISCOVERY = "https://login.example.com/.well-known/openid-configuration"
OTHER = "https://login.example.org/.well-known/openid-configuration"
SECRET = {"OAUTH_CLIENT_SECRET": "hunter2-oauth"}
PROVIDER = (
    *PUBLIC,
    f"openWebui.auth.oidc.providerUrl={DISCOVERY}",
    "openWebui.auth.oidc.clientId=open-webui",
)
MICROSOFT = (*PUBLIC, "openWebui.auth.microsoft.tenantId=tenant", "openWebui.auth.microsoft.clientId=application")
DIRECTORY = ("openWebui.auth.ldap.host=ldap.example.com", "openWebui.auth.ldap.searchBase=ou=people,dc=example")
PROXY = ("openWebui.ingress.controllerNamespace=sso", "openWebui.ingress.controllerLabels.app=oauth2-proxy")
HEADER = (*PROXY, "openWebui.auth.trustedHeader.email=X-Email")

_MICROSOFT_SECRET = {"MICROSOFT_CLIENT_SECRET": "hunter2-microsoft"}


def _by_provider(key: str, value: str, name: str, expected: str, *sets: str) -> dict[str, Effect]:
    effect = Effect(value=value, sets=(*PROVIDER, *sets), secrets=SECRET, shows=variable(name), expected=expected)
    return {f"openWebui.auth.{key}": effect}


def _by_list(key: str, values: tuple[str, ...], name: str, expected: str, *sets: str) -> dict[str, Effect]:
    entries = (f"openWebui.auth.{key}[{number}]={value}" for number, value in enumerate(values))
    return _by_provider(key, "", name, expected, *sets, *entries)


def _plain(
    key: str, value: str, name: str, expected: str, sets: tuple[str, ...] = (), secrets: Mapping[str, str] | None = None
) -> dict[str, Effect]:
    effect = Effect(value=value, sets=sets, secrets=secrets or {}, shows=variable(name), expected=expected)
    return {f"openWebui.auth.{key}": effect}


def _secret(key: str, sets: tuple[str, ...], *, others: Mapping[str, str] | None = None) -> dict[str, Effect]:
    value = f"hunter2-{key}"
    effect = Effect(
        value="",
        sets=sets,
        secrets={**(others or {}), key: value},
        shows=lambda recording: recording.one("Secret", "openwebui-secret").plain("stringData", key),
        expected=value,
    )
    return {key: effect}


def _secrets(recording: Recording) -> set[str]:
    """Variables of the container that come from a Secret."""
    return {each["name"] for each in recording.containers["open-webui/open-webui"]["env"] if "valueFrom" in each}


EFFECTS: dict[str, Effect] = {
    **_by_provider("oidc.providerUrl", OTHER, "OPENID_PROVIDER_URL", OTHER),
    **_by_provider("oidc.clientId", "chat", "OAUTH_CLIENT_ID", "chat"),
    **_plain("oidc.publicClient", "true", "OAUTH_TOKEN_ENDPOINT_AUTH_METHOD", "none", PROVIDER),
    **_by_provider("oidc.providerName", "Example Login", "OAUTH_PROVIDER_NAME", "Example Login"),
    **_by_list("oidc.scopes", ("openid", "groups"), "OAUTH_SCOPES", "openid groups"),
    **_by_provider("oidc.audience", "chat", "OAUTH_AUDIENCE", "chat"),
    **_by_provider(
        "oidc.tokenEndpointAuthMethod", "client_secret_post", "OAUTH_TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_post"
    ),
    **_by_provider(
        "oidc.endSessionUrl", "https://a.example.com/end", "OPENID_END_SESSION_ENDPOINT", "https://a.example.com/end"
    ),
    **_plain("microsoft.tenantId", "other", "MICROSOFT_CLIENT_TENANT_ID", "other", MICROSOFT, _MICROSOFT_SECRET),
    **_plain("microsoft.clientId", "other", "MICROSOFT_CLIENT_ID", "other", MICROSOFT, _MICROSOFT_SECRET),
    **_plain(
        "microsoft.loginBaseUrl",
        "https://login.microsoftonline.us",
        "MICROSOFT_CLIENT_LOGIN_BASE_URL",
        "https://login.microsoftonline.us",
        MICROSOFT,
        _MICROSOFT_SECRET,
    ),
    **_plain("google.clientId", "g", "GOOGLE_CLIENT_ID", "g", PUBLIC, {"GOOGLE_CLIENT_SECRET": "hunter2-google"}),
    **_plain("github.clientId", "h", "GITHUB_CLIENT_ID", "h", PUBLIC, {"GITHUB_CLIENT_SECRET": "hunter2-github"}),
    **_by_provider("claims.username", "nickname", "OAUTH_USERNAME_CLAIM", "nickname"),
    **_by_provider("claims.email", "upn", "OAUTH_EMAIL_CLAIM", "upn"),
    **_by_provider("claims.picture", "avatar", "OAUTH_PICTURE_CLAIM", "avatar"),
    **_by_provider("claims.subject", "oid", "OAUTH_SUB_CLAIM", "oid"),
    **_by_provider("pkce", "true", "OAUTH_CODE_CHALLENGE_METHOD", "S256"),
    **_by_provider("timeoutSeconds", "20", "OAUTH_TIMEOUT", "20"),
    **_by_provider("providerSignUp", "true", "ENABLE_OAUTH_SIGNUP", "true"),
    **_by_list(
        "allowedDomains", ("a.example.com", "b.example.com"), "OAUTH_ALLOWED_DOMAINS", "a.example.com,b.example.com"
    ),
    **_by_provider(
        "mergeAccountsByEmail",
        "true",
        "OAUTH_MERGE_ACCOUNTS_BY_EMAIL",
        "true",
        "openWebui.auth.providerVerifiesEmail=true",
    ),
    **_by_provider(
        "providerVerifiesEmail",
        "true",
        "OAUTH_MERGE_ACCOUNTS_BY_EMAIL",
        "true",
        "openWebui.auth.mergeAccountsByEmail=true",
    ),
    **_by_provider("backChannelLogout", "true", "ENABLE_OAUTH_BACKCHANNEL_LOGOUT", "true"),
    **_by_provider("roles.claim", "realm.roles", "OAUTH_ROLES_CLAIM", "realm.roles"),
    **_by_list("roles.allowed", ("a", "b"), "OAUTH_ALLOWED_ROLES", "a,b", "openWebui.auth.roles.claim=roles"),
    **_by_list("roles.admin", ("a", "b"), "OAUTH_ADMIN_ROLES", "a,b", "openWebui.auth.roles.claim=roles"),
    **_by_provider("groups.claim", "teams", "OAUTH_GROUPS_CLAIM", "teams"),
    **_by_provider(
        "groups.create", "true", "ENABLE_OAUTH_GROUP_CREATION", "true", "openWebui.auth.groups.claim=groups"
    ),
    **_plain("ldap.enabled", "false", "ENABLE_LDAP", "false"),
    **_plain("ldap.host", "ldap-2.example.com", "LDAP_SERVER_HOST", "ldap-2.example.com", DIRECTORY),
    **_plain("ldap.port", "3269", "LDAP_SERVER_PORT", "3269", DIRECTORY),
    **_plain(
        "ldap.tls", "false", "LDAP_SERVER_PORT", "389", (*DIRECTORY, "openWebui.auth.ldap.host=ldap.directory.svc")
    ),
    **_plain(
        "ldap.validateCertificate",
        "false",
        "LDAP_VALIDATE_CERT",
        "false",
        (*DIRECTORY, "openWebui.auth.ldap.host=ldap.directory.svc"),
    ),
    **_plain("ldap.label", "Example", "LDAP_SERVER_LABEL", "Example", DIRECTORY),
    **_plain("ldap.appDn", "cn=app", "LDAP_APP_DN", "cn=app", DIRECTORY, {"LDAP_APP_PASSWORD": "hunter2-ldap"}),
    **_plain("ldap.searchBase", "ou=all", "LDAP_SEARCH_BASE", "ou=all", DIRECTORY),
    **_plain("ldap.searchFilter", "(a=b)", "LDAP_SEARCH_FILTER", "(a=b)", DIRECTORY),
    **_plain("ldap.usernameAttribute", "sAMAccountName", "LDAP_ATTRIBUTE_FOR_USERNAME", "sAMAccountName", DIRECTORY),
    **_plain("ldap.mailAttribute", "userPrincipalName", "LDAP_ATTRIBUTE_FOR_MAIL", "userPrincipalName", DIRECTORY),
    **_plain("ldap.groups.attribute", "memberOf", "ENABLE_LDAP_GROUP_MANAGEMENT", "true", DIRECTORY),
    **_plain(
        "ldap.groups.create",
        "true",
        "ENABLE_LDAP_GROUP_CREATION",
        "true",
        (*DIRECTORY, "openWebui.auth.ldap.groups.attribute=memberOf"),
    ),
    **_plain("trustedHeader.email", "X-Mail", "WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "X-Mail", PROXY),
    **_plain("trustedHeader.name", "X-Name", "WEBUI_AUTH_TRUSTED_NAME_HEADER", "X-Name", HEADER),
    **_plain("trustedHeader.groups", "X-Groups", "WEBUI_AUTH_TRUSTED_GROUPS_HEADER", "X-Groups", HEADER),
    **_plain("trustedHeader.role", "X-Role", "WEBUI_AUTH_TRUSTED_ROLE_HEADER", "X-Role", HEADER),
    "openWebui.auth.scim.enabled": Effect(
        value="true",
        sets=(*PROVIDER, "openWebui.auth.scim.provider=oidc"),
        secrets={**SECRET, "SCIM_TOKEN": "hunter2-scim"},
        shows=lambda recording: "SCIM_TOKEN" in _secrets(recording) and variable("ENABLE_SCIM")(recording),
        expected="true",
    ),
    "openWebui.auth.scim.provider": Effect(
        value="oidc",
        sets=(*PROVIDER, "openWebui.auth.scim.enabled=true"),
        secrets={**SECRET, "SCIM_TOKEN": "hunter2-scim"},
        shows=variable("SCIM_AUTH_PROVIDER"),
        expected="oidc",
    ),
    **_by_provider("passwordLogin", "false", "ENABLE_PASSWORD_AUTH", "false"),
    **_by_provider("loginForm", "false", "ENABLE_LOGIN_FORM", "false"),
    **_plain("signUp", "true", "ENABLE_SIGNUP", "true"),
    **_plain("defaultRole", "user", "DEFAULT_USER_ROLE", "user"),
    **_plain("defaultGroupId", "9f1c", "DEFAULT_GROUP_ID", "9f1c"),
    **_plain("tokenLifetime", "12h", "JWT_EXPIRES_IN", "12h"),
    **_plain("mfa.enabled", "true", "ENABLE_MFA", "true"),
    **_plain("mfa.oauthBypass", "true", "MFA_ALLOW_OAUTH_BYPASS", "true"),
    **_plain("mfa.trustedHeaderBypass", "true", "MFA_ALLOW_TRUSTED_HEADER_BYPASS", "true"),
    **_secret("OAUTH_CLIENT_SECRET", PROVIDER),
    **_secret("MICROSOFT_CLIENT_SECRET", MICROSOFT),
    **_secret("GOOGLE_CLIENT_SECRET", (*PUBLIC, "openWebui.auth.google.clientId=g")),
    **_secret("GITHUB_CLIENT_SECRET", (*PUBLIC, "openWebui.auth.github.clientId=h")),
    **_secret("LDAP_APP_PASSWORD", (*DIRECTORY, "openWebui.auth.ldap.appDn=cn=app")),
    **_secret(
        "SCIM_TOKEN",
        (*PROVIDER, "openWebui.auth.scim.enabled=true", "openWebui.auth.scim.provider=oidc"),
        others=SECRET,
    ),
}

_ALL_BY_PROVIDER = {
    "oidc.providerName": "Example",
    "oidc.scopes[0]": "openid",
    "oidc.audience": "chat",
    "oidc.tokenEndpointAuthMethod": "client_secret_post",
    "oidc.endSessionUrl": "https://login.example.com/logout",
    "microsoft.tenantId": "tenant",
    "microsoft.clientId": "application",
    "microsoft.loginBaseUrl": "https://login.microsoftonline.us",
    "google.clientId": "g",
    "github.clientId": "h",
    "claims.username": "nickname",
    "claims.email": "upn",
    "claims.picture": "avatar",
    "claims.subject": "oid",
    "pkce": "true",
    "timeoutSeconds": "20",
    "providerSignUp": "true",
    "allowedDomains[0]": "example.com",
    "providerVerifiesEmail": "true",
    "mergeAccountsByEmail": "true",
    "backChannelLogout": "true",
    "roles.claim": "roles",
    "roles.allowed[0]": "chat",
    "roles.admin[0]": "boss",
    "groups.claim": "groups",
    "groups.create": "true",
    "scim.enabled": "true",
    "scim.provider": "oidc",
    "passwordLogin": "false",
}
_ALL_BY_PASSWORD = {
    "ldap.appDn": "cn=app",
    "ldap.searchFilter": "(a=b)",
    "ldap.groups.attribute": "memberOf",
    "ldap.groups.create": "true",
    "trustedHeader.name": "X-Name",
    "trustedHeader.groups": "X-Groups",
    "trustedHeader.role": "X-Role",
    "signUp": "true",
    "defaultRole": "user",
    "defaultGroupId": "9f1c",
    "tokenLifetime": "12h",
    "mfa.enabled": "true",
    "mfa.oauthBypass": "true",
    "mfa.trustedHeaderBypass": "true",
}
SIGN_IN_CONFIGURATIONS: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (
        (*PROVIDER, *(f"openWebui.auth.{key}={value}" for key, value in _ALL_BY_PROVIDER.items())),
        {
            **SECRET,
            **_MICROSOFT_SECRET,
            "GOOGLE_CLIENT_SECRET": "hunter2-google",
            "GITHUB_CLIENT_SECRET": "hunter2-github",
            "SCIM_TOKEN": "hunter2-scim",
        },
    ),
    (
        (*DIRECTORY, *HEADER, *(f"openWebui.auth.{key}={value}" for key, value in _ALL_BY_PASSWORD.items())),
        {"LDAP_APP_PASSWORD": "hunter2-ldap"},
    ),
)
"""Configurations that together set every variable of sign-in."""
