"""Pulumi's values: the same constants as the SDK has, paths and URNs as the engine writes them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime import rpc

from pulumi_values import property_paths, special, urns

ENCRYPTED = {special.SIGNATURE: special.SECRET_SIGNATURE, "ciphertext": "v1:abc"}


def test_the_constants_are_those_of_the_sdk() -> None:
    assert rpc._special_sig_key == special.SIGNATURE
    assert rpc._special_secret_sig == special.SECRET_SIGNATURE
    assert special.UNKNOWN_STRING == rpc.UNKNOWN


@pytest.mark.parametrize("value", [ENCRYPTED, special.SECRET])
def test_secrets_are_recognized_anywhere(value: Any) -> None:
    assert special.is_secret(value)
    assert special.is_hidden(value)
    assert special.contains_secret({"a": [1, {"b": value}]})
    assert special.without_secrets({"a": [1, {"b": value}]}) == {"a": [1, {"b": special.SECRET}]}


@pytest.mark.parametrize("value", ["text", "", None, 1, {}, [], {"plaintext": "x"}, special.UNKNOWN_STRING])
def test_other_values_are_not_secrets(value: Any) -> None:
    assert not special.is_secret(value)
    assert not special.contains_secret([value])
    assert special.without_secrets([value]) == [value]


@pytest.mark.parametrize("value", sorted(special.UNKNOWNS))
def test_unknowns_of_every_type_are_recognized(value: str) -> None:
    assert special.is_unknown(value)
    assert special.is_hidden(value)


def test_a_secret_for_an_import_is_recognized_and_keeps_its_value() -> None:
    assert special.is_secret(special.plain_secret('"x"'))
    assert special.plain_secret('"x"')["plaintext"] == '"x"'


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("spec", ["spec"]),
        ("spec.ports[0].port", ["spec", "ports", 0, "port"]),
        ('data["redis.conf"]', ["data", "redis.conf"]),
        ('data["a\\"b"]', ["data", 'a"b']),
        ('data["a.b\\c"]', ["data", "a.b\\c"]),
        ('["a.b"].c', ["a.b", "c"]),
        ('["a.b"][100]', ["a.b", 100]),
        ("a[0][1]", ["a", 0, 1]),
        ("checksum/redis-config", ["checksum/redis-config"]),
    ],
)
def test_paths_are_parsed_and_rendered_as_the_engine_does(path: str, steps: list[property_paths.Step]) -> None:
    assert property_paths.parse(path) == steps
    assert property_paths.render(steps) == path


def test_a_dot_before_a_bracket_is_tolerated() -> None:
    """Old providers write it: ParsePropertyPath says so."""
    assert property_paths.parse('a.["b"].[0]') == ["a", "b", 0]


@pytest.mark.parametrize("path", ["", ".", ".a", "a.", "a..b", "a[", "a[x]", 'a["b]', 'a["b"'])
def test_other_texts_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a property path"):
        property_paths.parse(path)


NAMES = st.text(st.characters(exclude_characters='\\"'), min_size=1) | st.just('a"b')


@settings(max_examples=200)
@given(st.lists(NAMES | st.integers(0, 99), min_size=1, max_size=5))
def test_what_is_rendered_is_parsed_to_the_same_steps(steps: list[property_paths.Step]) -> None:
    assert property_paths.parse(property_paths.render(steps)) == steps


URN = "urn:pulumi:dev::open-webui-stack::open-webui-stack:index:Redis$kubernetes:apps/v1:Deployment::redis"


def test_the_parts_of_an_urn() -> None:
    assert urns.stack_of(URN) == "dev"
    assert urns.type_of(URN) == "kubernetes:apps/v1:Deployment"
    assert urns.kind_of(URN) == "Deployment"
    assert urns.name_of(URN) == "redis"
    assert urns.resource_name(URN) == "Deployment redis"
    assert urns.urn_of_reference(f"{URN}::0a1b") == URN


def test_a_name_may_hold_the_separator() -> None:
    urn = "urn:pulumi:dev::project::kubernetes:core/v1:Secret::a::b"
    assert (urns.type_of(urn), urns.name_of(urn)) == ("kubernetes:core/v1:Secret", "a::b")


def test_urns_in_a_message_become_names() -> None:
    assert urns.without_urns(f'resource "{URN}" failed') == 'resource "Deployment/redis" failed'
