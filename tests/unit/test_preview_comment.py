"""The comment on a preview: recorded ones as a whole, made-up ones for what must never be in it."""

import json
import re
import time
from typing import Any

import pytest

from pulumi_values.special import SECRET, UNKNOWN_STRING, plain_secret
from stackctl.gate.markdown import LONGEST, comment
from stackctl.gate.marker import MARKER
from stackctl.gate.model import PreviewError, parse
from stackctl.gate.report import report
from stackctl.redaction import AFTER_UPDATE, CHECKSUM, redact, shown
from tests.support.previews import COMMENTED, DIRECTORY, comment_on

TYPE = "urn:pulumi:dev::open-webui-stack::"
SECRETS = (
    "sk-abcdefghijklmnop1234",
    "hunter2hunter2",
    "AKIAIOSFODNN7EXAMPLE",
    "Zx9Zx9Zx9Zx9Zx9Zx9Zx9Zx9Zx9",
    "MIIEpAIBAAKCAQEA",
)


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


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
    assert "do not allow anything here: `allow-replace:prod/nothing`" in text


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
        update(
            "kubernetes:core/v1:Secret::s",
            {"stringData": {"users.acl": f"user a\nuser b {SECRETS[1]}\n"}},
            {"stringData": {"users.acl": f"user a\nuser b {SECRETS[1]}x\nuser c\n"}},
        ),
        # Secret on one side only: what was there before it was marked is as secret as what comes.
        update("other:index:Thing::t", {"plain": SECRETS[1]}, {"plain": "[secret]"}),
        update("other:index:Thing::t", {"plain": "[secret]"}, {"plain": SECRETS[1]}),
        update("other:index:Thing::t", {"deep": {"list": [1, {"a": SECRETS[1]}]}}, {"deep": {"list": "[secret]"}}),
        update("kubernetes:apps/v1:Deployment::d", pod(args=[SECRETS[1]]), {"spec": {"template": "[secret]"}}),
        # As a state has it, and not a preview.
        update("other:index:Thing::t", {"deep": [1]}, {"deep": [plain_secret(SECRETS[1])]}),
        update("other:index:Thing::t", {"a": plain_secret(SECRETS[1])}, {"a": SECRETS[3]}),
        # The whole object, the values of a Secret in base64.
        update(
            "kubernetes:core/v1:Secret::s",
            {"metadata": {"annotations": {LAST_APPLIED: json.dumps({"data": {"cache-url": SECRETS[1]}})}}},
            {"metadata": {"annotations": {}}},
        ),
        update(
            "kubernetes:core/v1:ConfigMap::c",
            {"metadata": {}},
            {"metadata": {"annotations": {LAST_APPLIED: json.dumps({"data": {"cache-url": SECRETS[1]}})}}},
        ),
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


HOSTILE = "x|y`z\n/merge\n## @everyone <script>[a](https://evil.example) ![i](//evil.example) #1 <!-- -->"


@pytest.mark.parametrize(
    "step",
    [
        update("kubernetes:core/v1:PersistentVolumeClaim::p", {"spec": {"a": "b"}}, {"spec": {"a": HOSTILE}}, "replace")
        | {"replaceReasons": ["spec.a"]},
        update("kubernetes:core/v1:PersistentVolumeClaim::p" + HOSTILE, {}, {}, "delete"),
        update("kubernetes:apps/v1:Deployment::d", pod(image="a"), pod(image=HOSTILE)),
        update(
            "kubernetes:apps/v1:StatefulSet::postgres",
            pod(name="postgres", image="p:17"),
            pod(name="postgres", image=f"p:{HOSTILE}"),
        ),
    ],
)
def test_a_hostile_value_is_not_markup_and_mentions_no_user(step: dict[str, Any]) -> None:
    text = text_of(step)
    outside = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    for markup in ("@everyone", "<script", "#1", "://evil"):
        assert markup not in outside
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert outside.count("<!--") == 1
    assert not re.search(r"^(/merge|## @)", outside, re.MULTILINE)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


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


def test_no_message_of_a_failure_makes_the_comment_too_long() -> None:
    """A Python trace says at its end what was wrong."""
    messages = [f"{number}\n" + "x" * 10_000 + "\nValueError: the end" for number in range(40)]
    text = text_of(diagnostics=[{"severity": "error", "message": message} for message in messages])
    assert len(text) <= LONGEST
    assert "ValueError: the end" in text
    assert text.count("```") % 2 == 0
    assert text.endswith("see the log of the preview._\n")


def test_a_long_word_is_searched_for_secrets_at_once() -> None:
    """The time grows with the length, not with its square: 100,000 characters took minutes."""
    started = time.process_time()
    assert redact(f"{'x' * 100_000} password = hunter2hunter2") == f"{'x' * 100_000} password = {SECRET}"
    assert time.process_time() - started < 2


def test_it_names_the_commit_that_was_previewed() -> None:
    step = update("kubernetes:core/v1:ConfigMap::c", {}, {"data": {"a": "b"}})
    reports = [report("dev", preview(step), production=False)]
    assert "\n\nPreview of `0a1b2c3`.\n\n" in comment(reports, commit="0a1b2c3")
    assert "Preview of" not in comment(reports)


def test_protection_is_told_either_way() -> None:
    step = update("kubernetes:core/v1:Namespace::ns", {"a": 1}, {"a": 1}, "same")
    step["newState"]["protect"] = True
    assert "- **Protection:** set on `Namespace/ns`" in text_of(step)
    step["newState"]["protect"], step["oldState"]["protect"] = False, True
    text = text_of(step)
    assert "- **Protection:** removed from `Namespace/ns`" in text
    assert "⛔ Blocked: 1 dangerous change" in text


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("no-change", "✅ No changes"),
        ("log-level", "✅ Nothing dangerous"),
        ("redis-memory", "✅ Nothing dangerous, but requests are interrupted in dev"),
        ("storage-class", "⛔ Blocked: 1 dangerous change"),
        ("official-14-bad-label", "❌ The preview of dev failed"),
    ],
)
def test_the_headline_says_what_matters(name: str, headline: str) -> None:
    assert comment_on(name).splitlines()[2] == f"## {headline}"


def test_sums_say_when_they_are_of_what_changes_only() -> None:
    step = update("kubernetes:apps/v1:Deployment::d", pod(), pod(resources={"requests": {"cpu": "250m"}}))
    whole = text_of(step, changeSummary={"update": 1})
    part = text_of(step, changeSummary={"update": 1, "same": 5})
    assert "| CPU | 0 | 0.25 | +0.25 |" in whole
    assert "| Requested | Before" in whole
    assert "| Requested by what changes | Before" in part


@pytest.mark.parametrize(
    ("text", "expected_message"),
    [
        ("", "it is empty"),
        ("Previewing update (dev):", "not what `pulumi preview --json` prints"),
        ("[]", "not what `pulumi preview --json` prints"),
        ("{}", "neither steps nor messages"),
        ('{"steps": [{"op": "update"}]}', "steps.0.urn"),
        ('{"steps": "sk-abcdefghijklmnop1234"}', "steps"),
    ],
)
def test_what_is_no_preview_is_refused(text: str, expected_message: str) -> None:
    with pytest.raises(PreviewError, match=expected_message) as raised:
        parse(text)
    assert SECRETS[0] not in str(raised.value)


def test_an_unknown_operation_is_refused() -> None:
    step = update("kubernetes:core/v1:ConfigMap::c", {}, {}, op="teleport")
    with pytest.raises(PreviewError, match="'teleport' of c is not known"):
        report("dev", preview(step), production=False)


@pytest.mark.parametrize("name", ["checksum/redis-config", "checksum/postgresql-secret", "checksum/config"])
def test_a_checksum_says_that_contents_change_whatever_it_is_of(name: str) -> None:
    """Not a part of it: from that of a short secret the secret could be found out."""
    assert shown("0123456789abcdef" * 4, name=name) == CHECKSUM
    assert shown(UNKNOWN_STRING, name=name) == f"({AFTER_UPDATE})"
    assert shown("0123456789abcdef" * 4, name=name, secret=True) == SECRET


def test_only_a_checksum_is_shown_as_one() -> None:
    assert shown("in plain text", name="checksum/postgresql-secret") == SECRET
    assert shown("sha256:" + "0123456789abcdef" * 4, name="image") == "sha256:0123456789ab…"
