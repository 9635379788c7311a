"""Which differences the kubernetes emulator takes for a change, and which for a replacement."""

from typing import Any

import pytest

from emulators.immutable_fields import immutable_fields, touches
from emulators.object_diff import as_live, changes, normalized
from emulators.property_values import UNKNOWN


def kinds(old: Any, new: Any) -> dict[str, str]:
    return {change.property_path: change.kind for change in changes(old, new)}


def replaced(manifest: dict[str, Any], old: Any, new: Any, **switches: bool) -> set[str]:
    fields = immutable_fields(manifest, **{"mutable_secrets": True, "mutable_config_maps": True, **switches})
    return {change.property_path for change in changes(old, new) if change.replaces(fields)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": 2}, {"a": "UPDATE"}),
        ({}, {"a": {"b": 1}}, {"a": "ADD"}),
        ({"a": {"b": 1}}, {}, {"a": "DELETE"}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a.c": "DELETE"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 3}]}, {"a[0].b": "UPDATE", "a[1]": "ADD"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "DELETE"}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "UPDATE"}),
        ({"data": {"redis.conf": "x"}}, {"data": {"redis.conf": "y"}}, {'data["redis.conf"]': "UPDATE"}),
        ({"a": "text"}, {"a": UNKNOWN}, {"a": "UPDATE"}),
        ({}, {"a": UNKNOWN}, {"a": "ADD"}),
        ({"a": {"b": 1, "c": 2}}, {"a": UNKNOWN}, {"a.b": "DELETE", "a.c": "DELETE"}),
    ],
)
def test_changes(old: Any, new: Any, expected: dict[str, str]) -> None:
    assert kinds(old, new) == expected


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new", "path"),
    [
        ("v1", "ConfigMap", {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, "metadata.name"),
        ("v1", "Service", {"spec": {"clusterIP": "None"}}, {"spec": {}}, "spec.clusterIP"),
        ("apps/v1", "Deployment", {"spec": {"selector": {"a": "b"}}}, {"spec": UNKNOWN}, "spec.selector"),
        (
            "apps/v1",
            "StatefulSet",
            {"spec": {"volumeClaimTemplates": [{"spec": {"size": 1}}]}},
            {"spec": {"volumeClaimTemplates": [{"spec": {"size": 2}}]}},
            "spec.volumeClaimTemplates[0].spec.size",
        ),
        ("v1", "PersistentVolumeClaim", {"spec": {}}, {"spec": {"storageClassName": "x"}}, "spec.storageClassName"),
        ("batch/v1", "Job", {"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 2}}}, "spec.template.a"),
        ("batch/v1", "Job", {}, {"spec": {"template": {"a": 2}}}, "spec"),
    ],
)
def test_replacing_changes(api_version: str, kind: str, old: Any, new: Any, path: str) -> None:
    assert replaced({"apiVersion": api_version, "kind": kind}, old, new) == {path}


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new"),
    [
        ("apps/v1", "Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}),
        ("apps/v1", "StatefulSet", {"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 2}}}),
        (
            "v1",
            "PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
        ),
        ("v1", "Secret", {"data": {"a": "eA=="}}, {"data": {"a": "eQ=="}}),
        ("v1", "ConfigMap", {"data": {"a": "x"}}, {"data": {"a": "y"}}),
        ("v1", "Service", {"spec": {"ports": [{"port": 1}]}}, {"spec": {"ports": [{"port": 2}]}}),
    ],
)
def test_changes_in_place(api_version: str, kind: str, old: Any, new: Any) -> None:
    assert replaced({"apiVersion": api_version, "kind": kind}, old, new) == set()
    assert changes(old, new)


@pytest.mark.parametrize(
    ("manifest", "switches"),
    [
        ({"apiVersion": "v1", "kind": "Secret"}, {"mutable_secrets": False}),
        ({"apiVersion": "v1", "kind": "Secret", "immutable": True}, {}),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, {"mutable_config_maps": False}),
        ({"apiVersion": "v1", "kind": "ConfigMap", "immutable": True}, {}),
    ],
)
def test_immutable_data(manifest: dict[str, Any], switches: dict[str, bool]) -> None:
    assert replaced(manifest, {"data": {"a": "x"}}, {"data": {"a": "y"}}, **switches) == {"data.a"}


def test_what_a_preview_does_not_know_of_an_immutable_secret_replaces_it() -> None:
    manifest = {"apiVersion": "v1", "kind": "Secret"}
    old, new = {"stringData": {"a": "x"}}, {"stringData": {"a": UNKNOWN}}
    assert replaced(manifest, old, new, mutable_secrets=False) == {"stringData.a"}
    assert replaced(manifest, old, new) == set()


def test_a_field_beside_the_change_is_not_touched() -> None:
    assert not touches(("spec", "selectors"), "x", "spec.selector")
    assert not touches(("spec",), None, "spec.selector")
    assert touches(("spec",), {"selector": None}, "spec.selector")


def test_string_data_becomes_data() -> None:
    manifest = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "x"}, "data": {"a": "bGF0ZXI=", "b": "eQ== "}}
    assert normalized(manifest)["data"] == {"a": "eA==", "b": "eQ=="}
    assert "stringData" not in normalized(manifest)
    unknown = {**manifest, "stringData": {"a": UNKNOWN}}
    assert normalized(unknown) == unknown


def test_read_only_metadata_and_nulls_are_dropped() -> None:
    manifest = {"metadata": {"name": "a", "uid": "1", "labels": None}, "spec": {"list": [{"a": None}]}}
    assert normalized(manifest) == {"metadata": {"name": "a"}, "spec": {"list": [{}]}}


@pytest.mark.parametrize(
    ("manifest", "live"),
    [
        ({"limits": {"memory": "1024Mi", "cpu": 1}}, {"limits": {"memory": "1Gi", "cpu": "1"}, "added": True}),
        ({"hard": {"requests.cpu": "500m"}}, {"hard": {"requests.cpu": "0.5"}}),
        ({"labels": {}, "readOnly": False, "items": []}, {}),
    ],
)
def test_other_spellings_are_no_drift(manifest: Any, live: Any) -> None:
    assert as_live(manifest, live) == manifest


def test_drift() -> None:
    manifest = {"spec": {"replicas": 1, "paused": True, "ports": [{"port": 1}]}, "data": {"size": "1024Mi"}}
    live = {"spec": {"replicas": 2, "ports": [{"port": 9, "protocol": "TCP"}]}, "data": {"size": "1Gi"}}
    assert as_live(manifest, live) == {"spec": {"replicas": 2, "ports": [{"port": 9}]}, "data": {"size": "1Gi"}}
