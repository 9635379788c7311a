"""Sign-in: where the pods connect to, which secrets they need, what is stored."""

import pytest

from components.open_webui.auth.settings import AuthSettings
from components.open_webui.files.startup.stored_keys import KEYS
from components.open_webui.files.startup.stored_settings import stored_rows
from components.open_webui.settings import OpenWebUISettings
from components.open_webui.variables import VariableClass, variable_table
from stack_config.load import ConfigError
from tests.support.unit.effects import variable
from tests.support.unit.effects_on_open_webui import PUBLIC
from tests.support.unit.effects_on_sign_in import DIRECTORY, HEADER, MICROSOFT, PROVIDER, SECRET
from tests.support.unit.recording import Recording, run
from tests.support.unit.stored_names import stored_names


def egress_ports(recording: Recording) -> list[int]:
    """Ports of the rules for addresses outside the cluster."""
    rules = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    return [port["port"] for rule in rules if "ipBlock" in rule["to"][0] for port in rule["ports"]]


def test_nothing_is_set_by_default(dev: Recording) -> None:
    assert AuthSettings().variables(OpenWebUISettings(), {}) == {}
    assert variable("ENABLE_LDAP")(dev) is None


@pytest.mark.parametrize(
    ("sets", "secrets", "port"),
    [
        (PROVIDER, SECRET, 443),
        (MICROSOFT, {"MICROSOFT_CLIENT_SECRET": "a"}, 443),
        ((*PUBLIC, "openWebui.auth.google.clientId=a"), {"GOOGLE_CLIENT_SECRET": "a"}, 443),
        ((*PUBLIC, "openWebui.auth.github.clientId=a"), {"GITHUB_CLIENT_SECRET": "a"}, 443),
        (DIRECTORY, {}, 636),
        ((*DIRECTORY, "openWebui.auth.ldap.port=3269"), {}, 3269),
    ],
)
def test_the_network_policy_opens_the_way_to_it(sets: tuple[str, ...], secrets: dict[str, str], port: int) -> None:
    assert port in egress_ports(run("dev", sets, secrets))


def test_a_directory_in_the_cluster_is_reached_in_its_namespace() -> None:
    sets = (*DIRECTORY, "openWebui.auth.ldap.host=ldap.directory.svc", "openWebui.auth.ldap.tls=false")
    *_, rule = run("dev", sets).one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert rule["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "directory"}}}]


def test_a_public_client_needs_no_secret_and_takes_none() -> None:
    public = (*PROVIDER, "openWebui.auth.oidc.publicClient=true")
    assert variable("OAUTH_CODE_CHALLENGE_METHOD")(run("dev", public)) == "S256"
    with pytest.raises(ConfigError, match="the secret OAUTH_CLIENT_SECRET is set"):
        run("dev", public, SECRET)
    with pytest.raises(ConfigError, match="the secret OAUTH_CLIENT_SECRET is missing"):
        run("dev", PROVIDER)


def test_a_sign_in_comes_back_to_the_public_url() -> None:
    redirect = variable("OPENID_REDIRECT_URI")
    host = next(each.partition("=")[2] for each in PUBLIC if each.startswith("openWebui.host="))
    assert redirect(run("dev", (*PROVIDER, "openWebui.publicScheme=https"), SECRET)) == (
        f"https://{host}/oauth/oidc/callback"
    )


def test_a_trusted_header_needs_one_proxy() -> None:
    assert variable("WEBUI_AUTH_TRUSTED_EMAIL_HEADER")(run("dev", HEADER)) == "X-Email"
    balancer = ("openWebui.loadBalancer.enabled=true", "openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24")
    with pytest.raises(ConfigError, match=r"openWebui\.auth\.trustedHeader"):
        run("dev", (*HEADER, *balancer))


def test_contradictions_are_in_one_report() -> None:
    sets = (
        "openWebui.auth.passwordLogin=false",
        "openWebui.auth.ldap.host=ldap.example.com",
        "openWebui.auth.ldap.tls=false",
        "openWebui.auth.tokenLifetime=-1",
        "openWebui.auth.scim.enabled=true",
        "openWebui.auth.trustedHeader.email=X-Email",
    )
    with pytest.raises(ConfigError) as error:
        run("dev", sets)
    for key in ("ldap.tls", "ldap.searchBase", "tokenLifetime", "scim", "trustedHeader", "passwordLogin"):
        assert f"openWebui.auth.{key}: " in str(error.value), key


def test_what_is_stored_is_what_the_container_has() -> None:
    environment = {"ENABLE_LDAP": "True", "LDAP_SERVER_PORT": "636", "DEFAULT_USER_ROLE": "user", "OTHER": "x"}
    named = "DEFAULT_USER_ROLE,ENABLE_LDAP,LDAP_SERVER_PORT,LDAP_APP_DN,OTHER"
    assert stored_rows({**environment, "STORED_SETTINGS": named}) == {
        "ldap.enable": True,
        "ldap.server.port": 636,
        "ui.default_user_role": "user",
    }


def test_the_stack_alone_sets_what_is_stored_of_sign_in() -> None:
    of_sign_in = {name for name, (key, _) in KEYS.items() if key.startswith(("ldap.", "auth.", "ui."))}
    closed = {name: variable_table().get(name) for name in of_sign_in}
    kinds = {name: each.rule.kind for name, each in closed.items() if each}
    assert kinds.pop("LDAP_APP_PASSWORD") is VariableClass.SECRET
    assert set(kinds) == of_sign_in - {"LDAP_APP_PASSWORD"}
    assert set(kinds.values()) == {VariableClass.STACK}


def test_the_keys_of_sign_in_that_the_config_sets_are_stored() -> None:
    assert set(stored_names(run("dev"))) & set(KEYS) == set()
    recording = run("dev", ["openWebui.auth.signUp=true", "openWebui.auth.tokenLifetime=8h"])
    assert set(stored_names(recording)) & set(KEYS) == {"ENABLE_SIGNUP", "JWT_EXPIRES_IN"}
