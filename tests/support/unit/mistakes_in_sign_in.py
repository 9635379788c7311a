"""Configs of sign-in with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_DISCOVERY = "https://login.example.com/.well-known/openid-configuration"
_PROVIDER = {"providerUrl": _DISCOVERY, "clientId": "chat", "publicClient": True}
_DIRECTORY = {"host": "ldap.example.com", "searchBase": "ou=people"}


def _auth(**auth: object) -> Mapping[str, object]:
    return {"openWebui": {"auth": auth}}


def _with_provider(**auth: object) -> Mapping[str, object]:
    return {"openWebui": {"host": "chat.example.com", "auth": {"oidc": _PROVIDER, **auth}}}


def _ldap(**ldap: object) -> Mapping[str, object]:
    return _auth(ldap={**_DIRECTORY, **ldap})


SIGN_IN_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    ("a provider without host", _auth(oidc=_PROVIDER), "openWebui.host", "the public host name"),
    (
        "an issuer in place of the discovery document",
        _with_provider(oidc={**_PROVIDER, "providerUrl": "https://login.example.com/"}),
        "openWebui.auth.oidc.providerUrl",
        _DISCOVERY,
    ),
    (
        "scopes without openid",
        _with_provider(oidc={**_PROVIDER, "scopes": ["email"]}),
        "openWebui.auth.oidc.scopes",
        "openid",
    ),
    (
        "how a public client sends its secret",
        _with_provider(oidc={**_PROVIDER, "tokenEndpointAuthMethod": "client_secret_post"}),
        "openWebui.auth.oidc.tokenEndpointAuthMethod",
        "publicClient: false",
    ),
    ("PKCE twice", _with_provider(pkce=True), "openWebui.auth.pkce", "remove pkce"),
    (
        "accounts merged by unverified addresses",
        _with_provider(mergeAccountsByEmail=True),
        "openWebui.auth.mergeAccountsByEmail",
        "providerVerifiesEmail: true",
    ),
    (
        "roles without a token claim",
        _with_provider(roles={"admin": ["boss"]}),
        "openWebui.auth.roles.claim",
        "the token claim with the roles",
    ),
    (
        "two roles in one",
        _with_provider(roles={"claim": "roles", "admin": ["a,b"]}),
        "openWebui.auth.roles.admin",
        "one role an entry",
    ),
    (
        "groups to create without a token claim",
        _with_provider(groups={"create": True}),
        "openWebui.auth.groups.claim",
        "groups",
    ),
    ("roles of no provider", _auth(roles={"claim": "roles"}), "openWebui.auth.roles", "set only with oidc"),
    ("no password and no provider", _auth(passwordLogin=False), "openWebui.auth.passwordLogin", "one of oidc"),
    (
        "LDAP without passwords",
        _with_provider(passwordLogin=False, ldap=_DIRECTORY),
        "openWebui.auth.passwordLogin",
        "loginForm: false",
    ),
    ("no form and no provider", _auth(loginForm=False), "openWebui.auth.loginForm", "an OAuth provider"),
    (
        "a form that refuses everyone",
        _with_provider(passwordLogin=False, loginForm=True),
        "openWebui.auth.loginForm",
        "passwordLogin: true",
    ),
    (
        "sign-up without the form",
        _with_provider(loginForm=False, signUp=True),
        "openWebui.auth.signUp",
        "providerSignUp",
    ),
    ("a sign-in for ever", _auth(tokenLifetime="-1"), "openWebui.auth.tokenLifetime", "not -1 or 0"),
    ("LDAP in plain text outside the cluster", _ldap(tls=False), "openWebui.auth.ldap.tls", "name.namespace.svc"),
    (
        "LDAP without a check of the certificate",
        _ldap(validateCertificate=False),
        "openWebui.auth.ldap.validateCertificate",
        "pods.caBundle",
    ),
    ("LDAP without host", _auth(ldap={"searchBase": "ou=people"}), "openWebui.auth.ldap.host", "the LDAP server"),
    ("LDAP with a URL", _ldap(host="ldaps://ldap.example.com"), "openWebui.auth.ldap.host", "without scheme"),
    ("LDAP without search base", _auth(ldap={"host": "ldap.example.com"}), "openWebui.auth.ldap.searchBase", "the DN"),
    ("a filter without parentheses", _ldap(searchFilter="a=b"), "openWebui.auth.ldap.searchFilter", "(a=b)"),
    (
        "groups of LDAP to create without attribute",
        _ldap(groups={"create": True}),
        "openWebui.auth.ldap.groups.attribute",
        "memberOf",
    ),
    (
        "a trusted header that any pod may send",
        _auth(trustedHeader={"email": "X-Email"}),
        "openWebui.auth.trustedHeader",
        "ingress.controllerLabels",
    ),
    (
        "a trusted header of every pod of a namespace",
        {"openWebui": {"ingress": {"controllerNamespace": "sso"}, "auth": {"trustedHeader": {"email": "X-Email"}}}},
        "openWebui.auth.trustedHeader",
        "ingress.controllerLabels",
    ),
    (
        "a trusted header with further addresses",
        {
            "openWebui": {
                "ingress": {
                    "controllerNamespace": "sso",
                    "controllerLabels": {"app": "proxy"},
                    "allowedCidrs": ["10.0.0.0/8"],
                },
                "auth": {"trustedHeader": {"email": "X-Email"}},
            }
        },
        "openWebui.auth.trustedHeader",
        "without allowedCidrs",
    ),
    (
        "a header that is not one",
        {
            "openWebui": {
                "ingress": {"controllerNamespace": "sso", "controllerLabels": {"app": "proxy"}},
                "auth": {"trustedHeader": {"email": "X-Email", "role": "X Role"}},
            }
        },
        "openWebui.auth.trustedHeader.role",
        "letters, digits and '-'",
    ),
    ("SCIM without provider", _auth(scim={"enabled": True}), "openWebui.auth.scim", "with oidc, microsoft"),
    (
        "SCIM of a provider that is not configured",
        _with_provider(scim={"enabled": True, "provider": "google"}),
        "openWebui.auth.scim.provider",
        "oidc",
    ),
    (
        "SCIM for another provider",
        _with_provider(scim={"provider": "google"}),
        "openWebui.auth.scim.provider",
        "both, or neither",
    ),
    (
        "no authentication at all",
        {"openWebui": {"env": {"WEBUI_AUTH": "false"}}},
        "openWebui.env.WEBUI_AUTH",
        "true",
    ),
    (
        "a variable that is a key now",
        {"openWebui": {"env": {"OAUTH_CLIENT_ID": "chat"}}},
        "openWebui.env.OAUTH_CLIENT_ID",
        "openWebui.auth.oidc.clientId",
    ),
]
