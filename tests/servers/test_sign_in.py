"""Sign-in on two real replicas of Open WebUI, with a real OpenID Connect provider and a real LDAP server.

The replicas share a database and a Redis and have addresses of their own: a test decides where each request goes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from components.open_webui.auth.providers import REDIRECTS
from tests.support.servers.addresses import free_port
from tests.support.servers.ldap_server import APP_DN, APP_PASSWORD, PEOPLE, LdapServer, ldap_server
from tests.support.servers.oidc_server import Browser, OidcServer, oidc_server
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.replica import Answer, Replica
from tests.support.servers.server_process import give_away

HOST = "chat.example.com"
_, PROVIDER = REDIRECTS["OAUTH_CLIENT_ID"]
CALLBACK = f"https://{HOST}/oauth/{PROVIDER}/callback"
CLIENT_SECRET = "client-secret-of-tests-0123456789"
SCIM_TOKEN = "scim-token-of-tests"

USERS = {
    "anna": {"email": "anna@example.com", "name": "Anna", "roles": ["chat-user"], "groups": ["writers", "editors"]},
    "boss": {"email": "boss@example.com", "name": "Boss", "roles": ["chat-admin"], "groups": []},
    "stranger": {"email": "stranger@example.com", "name": "Stranger", "roles": ["other"], "groups": []},
    "lena-at-the-provider": {
        "email": "lena@example.com",
        "name": "Lena",
        "roles": ["chat-user"],
        "groups": ["readers"],
    },
    "impostor": {"email": ADMIN_EMAIL, "name": "Impostor", "roles": ["chat-user"], "groups": []},
}


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The replicas, and what they sign users in with."""

    around: Servers
    deployment: OpenWebUI
    provider: OidcServer
    directory: LdapServer
    a: Replica
    b: Replica

    def admin(self) -> str:
        """Token of the administrator."""
        return str(self.a.sign_in(ADMIN_EMAIL, self.deployment.admin_password).body["token"])

    def users(self) -> dict[str, dict[str, str]]:
        """Every account by its e-mail address."""
        answer = self.a.request("GET", "/api/v1/users/all", token=self.admin())
        return {user["email"]: user for user in answer.body["users"]}

    def groups(self, email: str) -> set[str]:
        """Names of the groups that an account is in."""
        user = self.users()[email]["id"]
        answer = self.a.request("GET", f"/api/v1/users/{user}/groups", token=self.admin())
        return {group["name"] for group in answer.body}


@dataclass
class Session:
    """The cookies of one browser at the application, whichever replica answers."""

    browser: Browser
    cookies: dict[str, str] = field(default_factory=dict)
    requested: dict[str, list[str]] = field(default_factory=dict)
    """Parameters of the last authorization request."""

    def sign_in(self, begin: Replica, end: Replica) -> Answer:
        """Begin at one replica and come back to another."""
        asked = self._get(begin, f"/oauth/{PROVIDER}/login")
        assert asked.status == 302, asked.text
        location = str(asked.headers["Location"])
        self.requested = parse_qs(urlsplit(location).query)
        back = urlsplit(self.browser.authorize(location))
        assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
        return self._get(end, f"{back.path}?{back.query}")

    @property
    def token(self) -> str:
        """The token of the application; empty without a sign-in."""
        return self.cookies.get("token", "")

    def _get(self, replica: Replica, path: str) -> Answer:
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = replica.request("GET", path, headers={"Cookie": header} if header else {})
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer


def client(name: str, replica: Replica, method: str) -> dict[str, object]:
    """Metadata of a client of the provider."""
    secret = {} if method == "none" else {"client_secret": CLIENT_SECRET}
    return {
        "client_id": name,
        **secret,
        "token_endpoint_auth_method": method,
        "redirect_uris": [CALLBACK],
        "backchannel_logout_uri": f"{replica.url}/oauth/backchannel-logout",
    }


def config(provider_port: int, directory: LdapServer) -> list[str]:
    """The keys of the deployment."""
    auth = {
        "oidc.providerUrl": OidcServer(provider_port).discovery,
        "oidc.clientId": "confidential",
        "providerSignUp": "true",
        "roles.claim": "roles",
        "roles.allowed[0]": "chat-user",
        "roles.admin[0]": "chat-admin",
        "groups.claim": "groups",
        "groups.create": "true",
        "backChannelLogout": "true",
        "scim.enabled": "true",
        "scim.provider": "oidc",
        "ldap.host": "localhost",
        "ldap.port": str(directory.port),
        "ldap.appDn": APP_DN,
        "ldap.searchBase": PEOPLE,
        "ldap.groups.attribute": "memberOf",
        "ldap.groups.create": "true",
        "defaultRole": "user",
        "tokenLifetime": "12h",
    }
    return [
        f"openWebui.host={HOST}",
        "openWebui.publicScheme=https",
        *(f"openWebui.auth.{key}={value}" for key, value in auth.items()),
    ]


SECRETS = {"OAUTH_CLIENT_SECRET": CLIENT_SECRET, "SCIM_TOKEN": SCIM_TOKEN, "LDAP_APP_PASSWORD": APP_PASSWORD}


def deployed(around: Servers, sets: Sequence[str], secrets: Mapping[str, str]) -> OpenWebUI:
    """A deployment with these config keys and secrets."""
    return replace(around.open_webui("dev", *sets), secret_inputs=secrets)


def value(around: Servers, query: str) -> str:
    """The one value of a query, as text."""
    with closing(around.database.connect()) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return json.dumps(row[0])


def ldap_directory(around: Servers) -> Path:
    """Empty directory of the LDAP server."""
    path = around.directory / "ldap"
    path.mkdir()
    give_away(path)
    return path


@pytest.fixture(scope="module")
def sign_in() -> Iterator[SignIn]:
    """Two replicas with every sign-in but the trusted header."""
    with ExitStack() as resources:
        around = resources.enter_context(servers())
        directory = resources.enter_context(ldap_server(ldap_directory(around)))
        port = free_port()
        deployment = deployed(around, config(port, directory), SECRETS)
        deployment.migrated()
        a, b = resources.enter_context(deployment.replicas(2, SSL_CERT_FILE=str(directory.authority)))
        clients = [client("confidential", a, "client_secret_basic"), client("public", a, "none")]
        provider = resources.enter_context(oidc_server(port, around.directory, clients, USERS))
        yield SignIn(around=around, deployment=deployment, provider=provider, directory=directory, a=a, b=b)


@pytest.fixture(scope="module")
def other(sign_in: SignIn) -> Iterator[Replica]:
    """A replica of another deployment on the same database: a public client, merged accounts, a trusted header."""
    auth = [
        "oidc.publicClient=true",
        "oidc.clientId=public",
        "mergeAccountsByEmail=true",
        "providerVerifiesEmail=true",
        "trustedHeader.email=X-Forwarded-Email",
        "trustedHeader.name=X-Forwarded-User",
        "trustedHeader.groups=X-Forwarded-Groups",
    ]
    proxy = ["openWebui.ingress.controllerNamespace=sso", "openWebui.ingress.controllerLabels.app=oauth2-proxy"]
    secrets = {key: value for key, value in SECRETS.items() if key != "OAUTH_CLIENT_SECRET"}
    sets = [*config(sign_in.provider.port, sign_in.directory), *proxy, *(f"openWebui.auth.{each}" for each in auth)]
    deployment = deployed(sign_in.around, sets, secrets)
    with deployment.replicas(1) as [replica]:
        yield replica


def accepted(replica: Replica, token: str) -> bool:
    """Whether the replica takes the token."""
    return replica.request("GET", "/api/v1/auths/", token=token).status == 200


def test_a_sign_in_that_begins_at_one_replica_ends_at_another(sign_in: SignIn) -> None:
    session = Session(Browser(sign_in.provider, "anna"))

    answer = session.sign_in(sign_in.a, sign_in.b)

    assert (answer.status, answer.headers["Location"]) == (307, f"https://{HOST}/auth")
    assert accepted(sign_in.a, session.token)
    assert accepted(sign_in.b, session.token)


def test_roles_and_groups_come_from_the_provider(sign_in: SignIn) -> None:
    for user in ("anna", "boss"):
        Session(Browser(sign_in.provider, user)).sign_in(sign_in.b, sign_in.a)

    users = sign_in.users()
    assert {email: users[email]["role"] for email in ("anna@example.com", "boss@example.com")} == {
        "anna@example.com": "user",
        "boss@example.com": "admin",
    }
    assert sign_in.groups("anna@example.com") == {"writers", "editors"}


def test_a_user_with_none_of_the_roles_is_refused(sign_in: SignIn) -> None:
    session = Session(Browser(sign_in.provider, "stranger"))

    answer = session.sign_in(sign_in.a, sign_in.b)

    assert "error=" in str(answer.headers["Location"])
    assert session.token == ""
    assert "stranger@example.com" not in sign_in.users()


def test_an_existing_account_is_not_taken_by_its_address(sign_in: SignIn) -> None:
    before = sign_in.users()[ADMIN_EMAIL]
    session = Session(Browser(sign_in.provider, "impostor"))

    answer = session.sign_in(sign_in.a, sign_in.b)

    assert "error=" in str(answer.headers["Location"])
    assert session.token == ""
    after = sign_in.users()[ADMIN_EMAIL]
    assert {key: after[key] for key in ("id", "role", "name")} == {key: before[key] for key in ("id", "role", "name")}


def test_a_sign_out_at_the_provider_ends_the_sign_in_at_every_replica(sign_in: SignIn) -> None:
    session = Session(Browser(sign_in.provider, "anna"))
    session.sign_in(sign_in.a, sign_in.b)
    assert accepted(sign_in.a, session.token)
    assert accepted(sign_in.b, session.token)

    session.browser.sign_out()

    assert not accepted(sign_in.a, session.token)
    assert not accepted(sign_in.b, session.token)


def ldap(replica: Replica, user: str, password: str) -> Answer:
    return replica.request("POST", "/api/v1/auths/ldap", {"user": user, "password": password})


def test_a_user_of_the_directory_signs_in_by_tls(sign_in: SignIn) -> None:
    answer = ldap(sign_in.a, "lena", "password-of-lena")

    assert answer.status == 200, answer.text
    assert (answer.body["email"], answer.body["name"], answer.body["role"]) == (
        "lena@example.com",
        "Lena Example",
        "user",
    )
    assert accepted(sign_in.b, answer.body["token"])
    assert sign_in.groups("lena@example.com") == {"readers"}


def test_a_wrong_password_of_the_directory_is_refused(sign_in: SignIn) -> None:
    assert ldap(sign_in.b, "otto", "password-of-lena").status == 400
    assert ldap(sign_in.b, "otto", "").status == 400
    assert "otto@example.com" not in sign_in.users()


def test_the_provider_creates_and_removes_accounts_by_scim(sign_in: SignIn) -> None:
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "scim@example.com",
        "externalId": "scim-1",
        "displayName": "Made by SCIM",
        "name": {"formatted": "Made by SCIM"},
        "emails": [{"value": "scim@example.com", "primary": True}],
        "active": True,
    }
    assert sign_in.a.request("POST", "/api/v1/scim/v2/Users", user, token="another token").status == 401

    made = sign_in.a.request("POST", "/api/v1/scim/v2/Users", user, token=SCIM_TOKEN)

    assert made.status == 201, made.text
    assert sign_in.users()["scim@example.com"]["name"] == "Made by SCIM"
    gone = sign_in.b.request("DELETE", f"/api/v1/scim/v2/Users/{made.body['id']}", token=SCIM_TOKEN)
    assert gone.status == 204, gone.text
    assert "scim@example.com" not in sign_in.users()


def test_the_lifetime_of_a_sign_in_is_that_of_the_config(sign_in: SignIn) -> None:
    answer = sign_in.a.sign_in(ADMIN_EMAIL, sign_in.deployment.admin_password)

    session = sign_in.b.request("GET", "/api/v1/auths/", token=answer.body["token"])
    issued = json.loads(value(sign_in.around, "SELECT extract(epoch FROM now())::bigint"))
    assert 0 < session.body["expires_at"] - issued <= 12 * 3600


def test_a_changed_key_reaches_a_database_that_has_an_earlier_value(sign_in: SignIn) -> None:
    key = "SELECT value FROM config WHERE key = 'ldap.server.label'"
    before = value(sign_in.around, key)
    changed = deployed(
        sign_in.around,
        [*config(sign_in.provider.port, sign_in.directory), "openWebui.auth.ldap.label=Another"],
        SECRETS,
    )
    try:
        assert "Settings of the stack stored in the database: ldap.server.label." in changed.migrated()
        assert json.loads(value(sign_in.around, key)) == "Another"
    finally:
        sign_in.deployment.migrated()
    assert value(sign_in.around, key) == before


def test_a_public_client_signs_in_by_pkce_and_joins_the_account_of_its_address(sign_in: SignIn, other: Replica) -> None:
    account = ldap(sign_in.a, "lena", "password-of-lena").body["id"]
    session = Session(Browser(sign_in.provider, "lena-at-the-provider"))

    answer = session.sign_in(other, other)

    assert session.requested["code_challenge_method"] == ["S256"]
    assert answer.headers["Location"] == f"https://{HOST}/auth"
    assert other.request("GET", "/api/v1/auths/", token=session.token).body["id"] == account


def test_the_header_of_a_proxy_signs_in(sign_in: SignIn, other: Replica) -> None:
    headers = {"X-Forwarded-Email": "Paul@example.com", "X-Forwarded-User": "Paul", "X-Forwarded-Groups": "writers"}
    nobody = {"email": "", "password": ""}
    Session(Browser(sign_in.provider, "anna")).sign_in(sign_in.a, sign_in.a)  # creates the group

    answer = other.request("POST", "/api/v1/auths/signin", nobody, headers=headers)

    assert answer.status == 200, answer.text
    assert (answer.body["email"], answer.body["name"]) == ("paul@example.com", "Paul")
    assert accepted(sign_in.a, answer.body["token"])
    assert sign_in.groups("paul@example.com") == {"writers"}
    assert other.request("POST", "/api/v1/auths/signin", nobody).status == 400
