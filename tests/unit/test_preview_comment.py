"""The comment on a preview: recorded ones as a whole, made-up ones for what must never be in it."""

import json
from typing import Any

import pytest

from ops.preview.markdown import LONGEST, MARKER, comment
from ops.preview.model import PreviewError, parse
from ops.preview.report import report
from tests.previews import COMMENTED, DIRECTORY, comment_on

TYPE = "urn:pulumi:dev::open-webui-stack::"
SECRETS = (
    "sk-abcdefghijklmnop1234",
    "hunter2hunter2",
    "AKIAIOSFODNN7EXAMPLE",
    "Zx9Zx9Zx9Zx9Zx9Zx9Zx9Zx9Zx9",
    "MIIEpAIBAAKCAQEA",
)


def preview(*steps: dict[str, Any], **rest: Any) -> Any:
    return parse(json.dumps({"steps": list(steps), **rest}))


def update(qualified: str, before: dict[str, Any], after: dict[str, Any], op: str = "update") -> dict[str, Any]:
    sides = {"oldState": before, "newState": after}
    states = {side: {"custom": True, "inputs": inputs} for side, inputs in sides.items()}
    return {"op": op, "urn": f"{TYPE}{qualified}", **states}


def pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "redis", **container}]}}}}


def text_of(*steps: dict[str, Any], **rest: Any) -> str:
    return comment([report("dev", preview(*steps, **rest), production=False)])


@pytest.mark.parametrize("name", COMMENTED)
def test_the_comment_on_a_recorded_preview(name: str) -> None:
    assert comment_on(name) == (DIRECTORY / f"{name}.md").read_text()


def test_every_recorded_preview_has_its_comment() -> None:
    assert {file.stem for file in DIRECTORY.glob("*.json")} == set(COMMENTED)
    assert {file.stem for file in DIRECTORY.glob("*.md")} == set(COMMENTED)


def test_several_environments_are_in_one_comment() -> None:
    names = ("rotate-redis", "namespace")
    reports = [
        report(env, parse((DIRECTORY / f"{name}.json").read_text()), production=False)
        for env, name in zip(("dev", "prod"), names, strict=True)
    ]
    text = comment(reports, ["allow-replace:prod/nothing"])
    assert text.startswith(f"{MARKER}\n")
    assert text.count(MARKER) == 1
    assert "## ⛔ Blocked: 3 dangerous changes" in text
    assert "`allow-replace:prod/postgres-data`" in text
    assert text.index("### `dev`") < text.index("### `prod`")
    assert "allow nothing here: `allow-replace:prod/nothing`" in text


@pytest.mark.parametrize(
    "step",
    [
        update("kubernetes:core/v1:Secret::s", {"stringData": {"a": SECRETS[1]}}, {"stringData": {"a": SECRETS[3]}}),
        update("kubernetes:core/v1:Secret::s", {"data": {"a": SECRETS[1]}}, {"stringData": {"b": SECRETS[3]}}),
        update("kubernetes:core/v1:ConfigMap::c", {"data": {"a": "x"}}, {"data": {"a": SECRETS[0]}}),
        update("kubernetes:core/v1:ConfigMap::c", {"data": {}}, {"data": {"x": {"password": SECRETS[1]}}}),
        update(
            "kubernetes:core/v1:ConfigMap::c",
            {"data": {"redis.conf": "port 1\nrequirepass old"}},
            {"data": {"redis.conf": f"port 1\nrequirepass {SECRETS[1]}\nuser {SECRETS[3]}"}},
        ),
        update(
            "kubernetes:core/v1:ConfigMap::c",
            {"data": {"key": "old\n"}},
            {"data": {"key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRETS[4]}\n-----END RSA PRIVATE KEY-----\n"}},
        ),
        update(
            "kubernetes:apps/v1:Deployment::d",
            pod(env=[{"name": "DATABASE_PASSWORD", "value": "old"}]),
            pod(env=[{"name": "DATABASE_PASSWORD", "value": SECRETS[1]}]),
        ),
        update("kubernetes:apps/v1:Deployment::d", pod(), pod(env=[{"name": "A_TOKEN", "value": SECRETS[1]}])),
        update(
            "kubernetes:apps/v1:Deployment::d", pod(), pod(env=[{"name": "URL", "value": f"redis://u:{SECRETS[1]}@h"}])
        ),
        update("kubernetes:apps/v1:Deployment::d", pod(), pod(args=["--key", SECRETS[2]])),
        update("random:index/randomPassword:RandomPassword::p", {"result": "x"}, {"result": SECRETS[3]}),
    ],
)
def test_no_secret_is_in_a_comment(step: dict[str, Any]) -> None:
    text = text_of(step)
    assert "Property diffs of 1 resource" in text
    assert "[secret]" in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_no_secret_is_in_the_message_of_a_failure() -> None:
    message = f"error: invalid password={SECRETS[1]} at postgresql://me:{SECRETS[3]}@db/x"
    text = text_of(diagnostics=[{"severity": "error", "message": message}])
    assert "❌ The preview of dev failed" in text
    assert "[secret]" in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_what_the_provider_marks_secret_is_hidden_whatever_it_looks_like() -> None:
    step = update("other:index:Thing::t", {"plain": "a", "code": "b"}, {"plain": "c", "code": "d"})
    step["newState"]["additionalSecretOutputs"] = ["code"]
    text = text_of(step)
    assert "+ plain: c" in text
    assert "+ code: [secret]" in text


def test_markup_in_a_value_stays_text() -> None:
    step = update("kubernetes:apps/v1:Deployment::d", pod(image="a"), pod(image="</details>```|`<!-- x -->"))
    text = text_of(step)
    assert text.count("```") == 2
    [line] = [line for line in text.splitlines() if line.startswith("- **Pods:**")]
    assert "<" not in line
    assert line.count("`") == 2


def test_a_long_preview_fits_into_a_comment() -> None:
    steps = [
        update(
            f"kubernetes:core/v1:ConfigMap::c{number}",
            {"data": {f"k{key}": "x" * 80 for key in range(40)}},
            {"data": {f"k{key}": "y" * 80 for key in range(40)}},
        )
        for number in range(30)
    ]
    text = text_of(*steps)
    assert len(text) <= LONGEST
    assert "too long for a comment" in text
    assert "ConfigMap/c0" in text


def test_sums_say_when_they_are_of_what_changes_only() -> None:
    step = update("kubernetes:apps/v1:Deployment::d", pod(), pod(resources={"requests": {"cpu": "250m"}}))
    whole = text_of(step, changeSummary={"update": 1})
    part = text_of(step, changeSummary={"update": 1, "same": 5})
    assert "| CPU | 0 | 0.25 | +0.25 |" in whole
    assert "| Requested | Before" in whole
    assert "| Requested by what changes | Before" in part


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("Previewing update (dev):", "not what `pulumi preview --json` prints"),
        ("[]", "not what `pulumi preview --json` prints"),
        ("{}", "neither steps nor messages"),
        ('{"steps": [{"op": "update"}]}', "steps.0.urn"),
        ('{"steps": "sk-abcdefghijklmnop1234"}', "steps"),
    ],
)
def test_what_is_no_preview_is_refused(text: str, told: str) -> None:
    with pytest.raises(PreviewError, match=told) as raised:
        parse(text)
    assert SECRETS[0] not in str(raised.value)


def test_an_unknown_operation_is_refused() -> None:
    step = update("kubernetes:core/v1:ConfigMap::c", {}, {}, op="teleport")
    with pytest.raises(PreviewError, match="'teleport' of c is not known"):
        report("dev", preview(step), production=False)
