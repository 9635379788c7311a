"""The keys of what Open WebUI encrypts in its database are not those of its sign-ins."""

import base64

import pytest
from pulumi.runtime.rpc import is_rpc_secret

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES, encryption_keys
from components.open_webui.encryption_keys import STASH as NAME
from tests.support.unit.recording import Recording, run

SECRET = "openwebui-secret"


def contents(recording: Recording) -> dict[str, str]:
    secret = recording.one("Secret", SECRET)
    return {key: secret.plain("stringData", key) for key in secret.plain("stringData")}


def keys(recording: Recording) -> dict[str, str]:
    return {variable: contents(recording)[key] for variable, key in ENCRYPTION_VARIABLES.items()}


def test_the_first_keys_are_those_that_the_release_derives_from_the_signing_key(dev: Recording) -> None:
    signing_key = contents(dev)["secret-key"]
    actual = keys(dev)
    assert actual["OAUTH_CLIENT_INFO_ENCRYPTION_KEY"] == actual["OAUTH_SESSION_TOKEN_ENCRYPTION_KEY"] == signing_key
    assert actual == encryption_keys(signing_key)


def test_the_key_of_second_factors_is_derived_as_the_release_does_it() -> None:
    # Of `open_webui.utils.mfa.cipher` in release 0.12.4 with WEBUI_SECRET_KEY "k0123456789".
    assert encryption_keys("k0123456789")["MFA_ENCRYPTION_KEY"] == "P1_qXWvlyfOZti5ZZZ3G1d0VQyZPZGAQMNPnaiKQJ8Y="
    assert len(base64.urlsafe_b64decode(encryption_keys("any")["MFA_ENCRYPTION_KEY"])) == 32


def test_a_rotation_of_the_signing_key_leaves_them_alone(dev: Recording) -> None:
    kept = contents(dev)["secret-key"]
    after = run("dev", ["rotate.openWebui=3"], stashes={NAME: kept})
    assert contents(after)["secret-key"] != kept
    assert keys(after) == keys(dev)
    assert after.one("Stash", NAME).ignore_changes == ("input",)


@pytest.mark.parametrize("container", ["open-webui/open-webui", "open-webui/migrate"])
def test_the_containers_have_them_from_the_secret(recording: Recording, container: str) -> None:
    variables = {each["name"]: each for each in recording.containers[container]["env"]}
    for variable, key in ENCRYPTION_VARIABLES.items():
        assert variables[variable]["valueFrom"] == {"secretKeyRef": {"name": SECRET, "key": key}}


@pytest.mark.parametrize("variable", ENCRYPTION_VARIABLES)
def test_a_given_key_takes_the_place_of_the_kept_one_and_the_kept_one_stays(dev: Recording, variable: str) -> None:
    configured = run("dev", secrets={variable: "given"})
    assert keys(configured) == {**keys(dev), variable: "given"}
    assert configured.one("Stash", NAME).plain("input") == dev.one("Stash", NAME).plain("input")
    names = [each["name"] for each in configured.containers["open-webui/open-webui"]["env"]]
    assert names.count(variable) == 1


def test_what_is_kept_is_a_secret(recording: Recording) -> None:
    assert is_rpc_secret(recording.one("Stash", NAME).inputs["input"])
