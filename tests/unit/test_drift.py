"""The report on drift: paths as Pulumi writes them, values short, secrets never."""

from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import OpType

from pulumi_values.special import SECRET, SECRET_SIGNATURE, SIGNATURE
from stackctl.drift.differences import ABSENT, Drift, Property, drift_of, lines, value_at

ENCRYPTED = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "v1:abc"}
INPUTS = {
    "data": {"redis.conf": "maxmemory 1", 'a"b': "quoted"},
    "spec": {"ports": [{"port": 6379}], "password": ENCRYPTED, "list": [ENCRYPTED]},
}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ('data["redis.conf"]', "maxmemory 1"),
        ('data["a\\"b"]', "quoted"),
        ("spec.ports[0].port", "6379"),
        ("spec.ports", '[{"port": 6379}]'),
        ("spec.ports[1].port", ABSENT),
        ("spec.nothing.more", ABSENT),
        ("spec.ports[0].port.more", ABSENT),
        ("spec.password", SECRET),
        ("spec.password.ciphertext", SECRET),
        ("spec.list", SECRET),
        ("spec", SECRET),
    ],
)
def test_values_are_found_and_secrets_hidden(path: str, shown: str) -> None:
    assert value_at(INPUTS, path) == shown


def event(op: OpType, kind: str, diff: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> Any:
    metadata = SimpleNamespace(
        op=op,
        urn=f"urn:pulumi:dev::open-webui-stack::kubernetes:core/v1:{kind}::one",
        type=f"kubernetes:core/v1:{kind}",
        detailed_diff=diff,
        old=SimpleNamespace(inputs=old),
        new=SimpleNamespace(inputs=new),
    )
    return SimpleNamespace(res_outputs_event=SimpleNamespace(metadata=metadata))


def test_a_long_text_is_shown_from_where_it_differs() -> None:
    text = "\n".join(f"line of the file {number}" for number in range(9))
    changed = event(
        OpType.UPDATE,
        "ConfigMap",
        {"data.conf": {}},
        {"data": {"conf": text}},
        {"data": {"conf": text.replace("file 4", "file 4" + "x" * 99)}},
    )
    findings = drift_of(changed)
    assert findings is not None
    (shown,) = findings.properties
    assert shown.state == "line 5: line of the file 4"
    assert shown.cluster == "line 5: line of the file 4" + "x" * 42 + " …"


def test_a_secret_is_hidden_even_where_the_engine_did_not() -> None:
    changed = event(OpType.UPDATE, "Secret", {"data.key": {}}, {"data": {"key": "b2xk"}}, {"data": {"key": "bmV3"}})
    assert drift_of(changed) == Drift(
        resource="Secret one",
        deleted=False,
        properties=(Property(path="data.key", state=SECRET, cluster=SECRET),),
    )


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("spec.a", {"spec": {"a": SECRET}}, {"spec": {"a": "by-hand"}}),
        ("spec.a", {"spec": {"a": "by-hand"}}, {"spec": {"a": ENCRYPTED}}),
        ("spec.a", {"spec": {"a": ["x"]}}, {"spec": {"a": ["redis://me:by-hand@redis"]}}),
        (
            "spec.env[0].value",
            {"spec": {"env": [{"name": "PGPASSWORD", "value": "by-hand"}]}},
            {"spec": {"env": [{"name": "PGPASSWORD", "value": "by-hand-too"}]}},
        ),
        ("data.conf", {"data": {"conf": "a\nrequirepass by-hand"}}, {"data": {"conf": "a\nrequirepass by-hand-too"}}),
    ],
)
def test_a_value_that_was_set_manually_may_be_a_secret(path: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    drift = drift_of(event(OpType.UPDATE, "ConfigMap", {path: {}}, old, new))
    assert drift is not None
    assert "by-hand" not in "".join(lines(drift))
    assert SECRET in "".join(lines(drift))


@pytest.mark.parametrize("op", [OpType.SAME, OpType.REFRESH, OpType.READ])
def test_what_is_the_same_is_not_reported(op: OpType) -> None:
    assert drift_of(event(op, "Service", {}, {}, {})) is None


def test_a_deleted_object_is_one_line() -> None:
    gone = drift_of(event(OpType.DELETE, "Service", {}, {}, {}))
    assert gone is not None
    assert list(lines(gone)) == ["deleted  Service one"]
