"""The preview as a file, the gate on it, and the policy pack, on the real engine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
import pytest
import yaml
from pulumi import automation

from stack_config.files import ROOT
from stackctl.gate.gate import Finding
from stackctl.gate.model import parse
from stackctl.gate.report import Report, report
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import BASE_NAMESPACE, PREFLIGHT, Namespace, Stack, StackFactory
from tests.support.previews import CHANGES, NEW, assert_recorded, slim

pytest_plugins = ("tests.support.engine.stack_fixtures",)

PACK = ROOT / "policy" / "serve"


def reported(stack: Stack, *sets: str, fails: bool = False, production: bool = False) -> Report:
    text = stack.preview_as_json(*sets, fails=fails)
    assert seen_in(text, secret_values(Namespace(stack.cluster, BASE_NAMESPACE))) == []
    return report(stack.environment, parse(text), production=production)


def labels(findings: tuple[Finding, ...]) -> dict[str, str | None]:
    return {finding.resource: finding.label for finding in findings}


@pytest.mark.parametrize("name", CHANGES)
def test_the_previews_of_the_unit_tests_are_as_the_engine_makes_them(base: Stack, name: str) -> None:
    assert_recorded(name, slim(base.preview_as_json(*CHANGES[name]), base.cluster.context))


def test_the_preview_of_a_new_stack_is_as_the_engine_makes_it(new_stack: StackFactory) -> None:
    """Nothing is deployed: generated values and checksums are unknown."""
    stack = new_stack("prod", "namespace=rag-new")
    assert_recorded(NEW, slim(stack.preview_as_json(), stack.cluster.context))


def test_a_replaced_namespace_takes_volume_and_database_with_it(base: Stack) -> None:
    seen = reported(base, "namespace=rag-elsewhere")
    assert seen.blocked
    assert labels(seen.findings) == {
        "Namespace/namespace": "allow-replace:dev/namespace",
        "PersistentVolumeClaim/postgres-data": "allow-replace:dev/postgres-data",
        "StatefulSet/postgres": "allow-replace:dev/postgres",
    }
    assert {finding.cause for finding in seen.findings} == {
        "metadata.name (rag-system → rag-elsewhere)",
        "metadata.namespace (rag-system → rag-elsewhere)",
    }


def test_another_storage_class_replaces_the_volume(base: Stack) -> None:
    [finding] = reported(base, "postgresql.storage.className=fast").findings
    assert finding.label == "allow-replace:dev/postgres-data"
    assert finding.cause == "spec.storageClassName (not set → fast)"


def test_another_provider_is_stopped(base: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    provider: Any = k8s.Provider

    def elsewhere(name: str, **options: Any) -> Any:
        return provider(name, **{**options, "cluster_identifier": "another"})

    monkeypatch.setattr(k8s, "Provider", elsewhere)
    seen = reported(base)
    assert labels(seen.findings)["Provider/cluster"] == "allow-replace:dev/cluster"


def test_generated_secrets_and_volumes_that_go_are_stopped(base: Stack) -> None:
    base.up("rotate.redis=2", "openWebui.uploads.kind=volume")
    try:
        seen = reported(base)
    finally:
        base.up()
    assert labels(seen.findings) == {
        "RandomPassword/redis-password-2": "allow-delete:dev/redis-password-2",
        "PersistentVolumeClaim/open-webui-uploads": "allow-delete:dev/open-webui-uploads",
    }
    assert {finding.cause for finding in seen.findings} == {"no longer in the program"}


@pytest.fixture
def protected(base: Stack) -> Iterator[Stack]:
    """The base with protection, which changes no object."""
    base.up("protect=true")
    yield base
    base.up()


def test_what_is_protected_cannot_be_allowed(protected: Stack) -> None:
    seen = reported(protected, "protect=true", "postgresql.storage.className=fast", fails=True)
    [finding] = seen.findings
    assert (finding.resource, finding.label) == ("PersistentVolumeClaim/postgres-data", None)
    assert finding.what == "protected, and is replaced: the update fails"
    assert any("PersistentVolumeClaim/postgres-data" in error and "protect" in error for error in seen.errors)


def test_unprotecting_and_replacing_in_one_change_is_stopped(protected: Stack) -> None:
    """The engine would do it."""
    seen = reported(protected, "postgresql.storage.className=fast")
    assert seen.errors == ()
    [replaced, unprotected] = seen.findings
    assert (replaced.resource, replaced.label) == (
        "PersistentVolumeClaim/postgres-data",
        "allow-replace:dev/postgres-data",
    )
    assert "PersistentVolumeClaim/postgres-data" in seen.unprotected
    assert "PersistentVolumeClaim/postgres-data" not in unprotected.resource


def test_protection_taken_away_is_stopped_though_no_object_changes(protected: Stack) -> None:
    seen = reported(protected)
    assert seen.changed == ()
    [finding] = seen.findings
    assert finding.label == "allow-unprotect:dev/stack"
    assert "Namespace/namespace" in finding.resource
    assert "PersistentVolumeClaim/postgres-data" in finding.resource


def test_another_context_is_stopped_though_no_object_changes(base: Stack, tmp_path: Path) -> None:
    before = base.cluster
    config = yaml.safe_load(Path(str(before.kubeconfig)).read_text())
    config["contexts"] = [{**config["contexts"][0], "name": "elsewhere"}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    try:
        base.use(replace(before, kubeconfig=tmp_path / "kubeconfig", context="elsewhere"))
        seen = reported(base)
    finally:
        base.use(before)
    assert [change.label for change in seen.changed] == ["Provider/cluster"]
    [finding] = seen.findings
    assert finding.label == "allow-cluster:dev/cluster"
    assert finding.cause == f"context ({before.context} → elsewhere)"


def test_a_database_on_another_claim_is_stopped_though_nothing_is_replaced(
    base: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stateful_set: Any = k8s.apps.v1.StatefulSet

    def elsewhere(name: str, **properties: Any) -> Any:
        [volume] = [each for each in properties["spec"]["template"]["spec"]["volumes"] if each["name"] == "data"]
        volume["persistent_volume_claim"] = {"claim_name": "another"}
        return stateful_set(name, **properties)

    monkeypatch.setattr(k8s.apps.v1, "StatefulSet", elsewhere)
    seen = reported(base)
    assert [(change.operation.value, change.label) for change in seen.changed] == [("update", "StatefulSet/postgres")]
    [finding] = seen.findings
    assert finding.label == "allow-detach:dev/postgres"
    assert "the PVC postgres-data" in finding.what


def test_versions_are_named(base: Stack) -> None:
    seen = reported(base, "openWebui.version=0.13.0")
    assert {(v.product, v.before, v.after) for v in seen.versions} == {("Open WebUI", "0.12.4", "0.13.0")}
    assert seen.findings == ()


def test_another_major_version_of_postgresql_is_stopped(base: Stack) -> None:
    """The preview itself refuses it, since the state remembers what the volume was made with."""
    seen = reported(base, "postgresql.image=pgvector/pgvector:pg18", fails=True)
    assert seen.blocked
    assert any("PostgreSQL 18 does not start on its files" in error for error in seen.errors)


def test_production_keeps_its_budget(base: Stack) -> None:
    assert reported(base, "openWebui.replicas=1").findings == ()
    one, policy = reported(base, "openWebui.replicas=1", production=True).findings
    assert one.label == "allow-disruption:dev/open-webui"
    assert "a drain may evict the last pod" in one.cause
    assert (policy.cause, policy.label) == ("production-replicas", None)
    [version] = reported(base, "openWebui.version=0.13.0", production=True).findings
    assert version.cause == "the update stops 2 of 2 pods at once, the budget allows 1"


def test_what_goes_against_a_policy_is_stopped(base: Stack) -> None:
    findings = reported(base, f"openWebui.pluginEnv.NOTE=ghp_{'a1' * 18}", "openWebui.logLevel=ERROR").findings
    assert {(one.resource, one.cause) for one in findings} == {
        ("Deployment/open-webui", "no-plain-secrets"),
        (f"Job/{PREFLIGHT}", "no-plain-secrets"),
    }
    assert not [one for one in findings if "a1a1" in one.what]


def test_a_preview_that_the_api_server_refuses_says_so_in_the_file(base: Stack) -> None:
    seen = reported(base, "postgresql.storage.size=1Gi", fails=True)
    assert seen.blocked
    assert seen.errors


def test_the_stack_keeps_to_the_policy_pack(base: Stack, new_stack: StackFactory) -> None:
    assert PACK.with_name(".venv").is_dir(), "the pack's packages are missing: make policy/.venv/ready"
    for stack in (base, new_stack("prod", "namespace=rag-new")):
        assert violations(stack, fails=False) == set()


def test_the_policy_pack_stops_what_is_against_it(base: Stack) -> None:
    against = f"openWebui.pluginEnv.NOTE=ghp_{'a1' * 18}"
    seen = violations(base, against, "redis.resources.requests.ephemeralStorage=1Mi", fails=True)
    assert seen == {("mandatory", "no-plain-secrets", name) for name in ("open-webui", PREFLIGHT)}


def test_the_policy_pack_knows_what_is_protected(base: Stack, tmp_path: Path) -> None:
    config = tmp_path / "policies.json"
    config.write_text('{"production-protection": {"production": ["dev"]}}')
    seen = violations(base, fails=True, policy_pack_configs=[str(config)])
    assert seen == {
        ("mandatory", "production-protection", "namespace"),
        ("mandatory", "production-protection", "postgres-data"),
    }


def violations(stack: Stack, *sets: str, fails: bool, **options: list[str]) -> set[tuple[str, str, str]]:
    """Level, policy and resource of every violation in a preview with the pack."""
    seen = set()

    def observe(event: automation.EngineEvent) -> None:
        if policy := event.policy_event:
            seen.add((policy.enforcement_level, policy.policy_name, (policy.resource_urn or "").rpartition("::")[2]))

    stack.preview(*sets, fails=fails, observe=observe, policy_packs=[str(PACK)], **options)
    return seen
