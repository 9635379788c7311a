"""The random emulator: what it draws, what counts as another value, what it refuses."""

import base64
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2

import emulators
from emulators.plugin import Engine, ProviderError
from emulators.property_values import UNKNOWN, Secret, decode, encode, reveal
from emulators.random_provider import CHARACTERS, RandomProvider, draw_string

PASSWORD = "random:index/randomPassword:RandomPassword"
PROVIDER = RandomProvider(Engine(None))


def urn(token: str) -> str:
    return f"urn:pulumi:dev::project::parent:type${token}::name"


def create(token: str, inputs: dict[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=urn(token), properties=encode(inputs), preview=preview)
    response = PROVIDER.create(request)
    return response.id, decode(response.properties)


def failures(token: str, inputs: dict[str, Any]) -> list[str]:
    response = PROVIDER.check(provider_pb2.CheckRequest(urn=urn(token), news=encode(inputs)))
    return [failure.reason for failure in response.failures]


def replaces(token: str, old: dict[str, Any], new: dict[str, Any], **more: Any) -> list[str]:
    request = provider_pb2.DiffRequest(urn=urn(token), old_inputs=encode(old), news=encode(new), **more)
    return list(PROVIDER.diff(request).replaces)


@given(
    st.fixed_dictionaries(
        {
            "length": st.integers(8, 40),
            **{name: st.booleans() for name in CHARACTERS},
            **{f"min{name.capitalize()}": st.integers(0, 2) for name in CHARACTERS},
        }
    ).filter(lambda inputs: any(inputs[name] for name in CHARACTERS))
)
def test_strings_keep_their_rules(inputs: dict[str, Any]) -> None:
    drawn = draw_string(inputs)
    assert len(drawn) == inputs["length"]
    for name, characters in CHARACTERS.items():
        count = sum(character in characters for character in drawn)
        minimum = inputs[f"min{name.capitalize()}"]
        assert count >= minimum
        if not inputs[name]:
            assert count == minimum


def test_two_passwords_differ() -> None:
    drawn = Counter(reveal(create(PASSWORD, {"length": 24})[1]["result"]) for _ in range(50))
    assert max(drawn.values()) == 1


def test_password() -> None:
    identifier, outputs = create(PASSWORD, {"length": 12, "special": False, "keepers": {"a": "1"}})
    assert identifier == "none"
    assert isinstance(outputs["result"], Secret)
    assert reveal(outputs["result"]).isalnum()
    assert outputs["keepers"] == {"a": "1"}
    assert (outputs["upper"], outputs["minUpper"], outputs["special"]) == (True, 0, False)


def test_the_minimum_of_a_class_is_not_always_in_the_same_place() -> None:
    inputs = {"length": 8, "minUpper": 4, "minLower": 4, "numeric": False, "special": False}
    drawn = {reveal(create(PASSWORD, inputs)[1]["result"]) for _ in range(50)}
    assert len({"".join("u" if character.isupper() else "l" for character in one) for one in drawn}) > 1


def test_override_special() -> None:
    inputs = {"length": 30, "lower": False, "upper": False, "numeric": False, "overrideSpecial": "_-"}
    assert set(reveal(create(PASSWORD, inputs)[1]["result"])) <= {"_", "-"}


def test_bytes() -> None:
    identifier, outputs = create("random:index/randomBytes:RandomBytes", {"length": 32})
    assert isinstance(outputs["base64"], Secret)
    assert isinstance(outputs["hex"], Secret)
    value = base64.b64decode(outputs["base64"].value)
    assert (len(value), value.hex(), identifier) == (32, outputs["hex"].value, outputs["base64"].value)


def test_a_preview_draws_nothing() -> None:
    identifier, outputs = create(PASSWORD, {"length": 12}, preview=True)
    assert identifier == ""
    assert outputs["result"] == Secret(UNKNOWN)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"length": 8}, {"length": 8}, []),
        ({"length": 8}, {"length": 8, "special": True, "minLower": 0}, []),
        ({"length": 8, "number": False}, {"length": 8, "numeric": False}, []),
        ({"length": 8}, {"length": 9}, ["length"]),
        ({"length": 8, "special": False}, {"length": 8}, ["special"]),
        ({"length": 8, "keepers": {"a": "1"}}, {"length": 8, "keepers": {"a": "2"}}, ["keepers"]),
        ({"length": 8, "keepers": {"a": "1"}}, {"length": 8, "keepers": {"a": UNKNOWN}}, ["keepers"]),
    ],
)
def test_what_makes_a_new_value(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    assert replaces(PASSWORD, old, new) == expected


def test_ignored_changes_make_none() -> None:
    assert replaces(PASSWORD, {"length": 8}, {"length": 9}, ignoreChanges=["length"]) == []


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (PASSWORD, {}, "length is missing"),
        (PASSWORD, {"length": 3, "minUpper": 2, "minLower": 2}, "length 3 is too short: at least 4 characters"),
        (PASSWORD, {"length": 3, **dict.fromkeys(CHARACTERS, False)}, "no class of characters is allowed"),
        (PASSWORD, {"length": 8, "lenght": 9}, "does not serve the property lenght"),
        ("random:index/randomBytes:RandomBytes", {"length": 8, "special": True}, "does not serve the property special"),
    ],
)
def test_inputs_that_cannot_be_served(token: str, inputs: dict[str, Any], reason: str) -> None:
    (failure,) = failures(token, inputs)
    assert reason in failure


def test_other_types_fail_by_name() -> None:
    for name in ("Pet", "Id", "Integer", "Shuffle", "String", "Uuid"):
        token = f"random:index/random{name}:Random{name}"
        with pytest.raises(ProviderError, match=f"does not serve the resource {token}; the official one does"):
            create(token, {})
    with pytest.raises(ProviderError, match="random:index:getSomething"):
        PROVIDER.invoke(provider_pb2.InvokeRequest(tok="random:index:getSomething"))


@pytest.mark.parametrize(
    ("token", "imported", "identifier", "output", "value"),
    [
        (PASSWORD, "hunter22", "none", "result", "hunter22"),
        ("random:index/randomBytes:RandomBytes", "AAEC", "AAEC", "hex", "000102"),
    ],
)
def test_import(token: str, imported: str, identifier: str, output: str, value: Any) -> None:
    response = PROVIDER.read(provider_pb2.ReadRequest(urn=urn(token), id=imported))
    assert response.id == identifier
    assert reveal(decode(response.properties))[output] == value
    assert failures(token, decode(response.inputs)) == []
    assert replaces(token, decode(response.inputs), decode(response.inputs)) == []


def test_a_refresh_changes_nothing() -> None:
    state = encode({"result": Secret("x"), "length": 1})
    response = PROVIDER.read(provider_pb2.ReadRequest(urn=urn(PASSWORD), id="none", properties=state))
    assert (response.id, response.properties) == ("none", state)


def test_a_malformed_import_does_not_repeat_the_value() -> None:
    with pytest.raises(ProviderError) as error:
        PROVIDER.read(provider_pb2.ReadRequest(urn=urn("random:index/randomBytes:RandomBytes"), id="not-base-64"))
    assert "not-base-64" not in str(error.value)


def test_install_writes_executables_that_serve(tmp_path: Path) -> None:
    emulators.install(tmp_path / "bin")
    executable = tmp_path / "bin" / "pulumi-resource-random"
    assert os.access(executable, os.X_OK)
    assert os.access(tmp_path / "bin" / "pulumi-resource-kubernetes", os.X_OK)
    with subprocess.Popen([executable, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        process.terminate()
    assert 0 < port < 65536


def test_an_unknown_provider_is_refused() -> None:
    run = subprocess.run([sys.executable, "-m", "emulators", "aws"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "random|kubernetes" in run.stderr
