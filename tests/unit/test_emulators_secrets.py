"""Secrets and unknown values on their way through the emulators."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.property_values import (
    UNKNOWN,
    Secret,
    decode,
    encode,
    has_secret,
    has_unknown,
    mark_secrets,
    redact,
    reveal,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | inner.map(Secret),
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_the_wire_keeps_everything(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties


def test_numbers_stay_integers() -> None:
    decoded = decode(encode({"replicas": 3, "ratio": 0.5}))
    assert [type(decoded["replicas"]), type(decoded["ratio"])] == [int, float]


def test_reveal_finds_nested_secrets() -> None:
    value = {"a": [Secret({"b": Secret("x")})], "c": UNKNOWN}
    assert reveal(value) == {"a": [{"b": "x"}], "c": UNKNOWN}
    assert (has_secret(value), has_unknown(value)) == (True, True)
    assert (has_secret(reveal(value)), has_unknown({"a": [Secret(UNKNOWN)]})) == (False, True)


def test_the_data_of_a_secret_is_always_secret() -> None:
    marked = mark_secrets({"kind": "Secret", "data": {"a": "eA=="}, "stringData": {"b": "y"}, "type": "Opaque"}, {})
    assert marked["data"] == Secret({"a": "eA=="})
    assert marked["stringData"] == Secret({"b": "y"})
    assert marked["type"] == "Opaque"


def test_a_list_with_a_secret_is_secret_as_a_whole() -> None:
    inputs = {"spec": {"env": [{"value": Secret("x")}], "image": "i"}}
    marked = mark_secrets({"spec": {"env": [{"value": "x"}], "image": "i"}, "status": {}}, inputs)
    assert marked == {"spec": {"env": Secret([{"value": "x"}]), "image": "i"}, "status": {}}


def test_messages_are_redacted() -> None:
    inputs = {"data": Secret({"password": "hunter22", "longer": "hunter22-and-more"}), "flag": Secret("yes")}
    text = 'Invalid value: "hunter22-and-more", not hunter22: say yes'
    assert redact(text, inputs) == 'Invalid value: "[secret]", not [secret]: say yes'


def test_secrets_do_not_show_in_representations() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})
