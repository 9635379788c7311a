"""Promises that hold for every resource of the program, in every environment."""

import re
from typing import Any

import pytest
from pulumi.runtime import rpc

from tests.support.unit.recording import GENERATED, Recording, run

FULL: dict[str, Any] = {
    "sets": [
        "openWebui.openaiApiBaseUrl=https://models.example.com/v1",
        "openWebui.ollamaBaseUrl=http://ollama:11434",
        "openWebui.uploads.kind=s3",
        "openWebui.uploads.s3.bucketName=uploads",
        "openWebui.host=chat.example.com",
        "openWebui.ingress.enabled=true",
        "openWebui.ingress.className=nginx",
        "monitoring.enabled=true",
        "rotate.redis=2",
        "backup.enabled=true",
    ],
    "secrets": {
        "openaiApiKey": "sk-very-secret",
        "s3AccessKeyId": "AKIA-very-secret",
        "s3SecretAccessKey": "hidden-access-key",
    },
}


@pytest.fixture(scope="module")
def everything() -> Recording:
    """A stack with every optional part."""
    return run("dev", **FULL)


def test_every_environment_deploys_the_applications(recording: Recording) -> None:
    assert set(recording.pods) == {"redis", "postgres", "open-webui", "tika"}


def test_nothing_outside_secrets_and_components_is_secret(recording: Recording, everything: Recording) -> None:
    for resources in (recording.resources, everything.resources):
        for resource in resources:
            if resource.kind in ("Secret", "Stash") or not resource.custom:
                continue
            leaking = [name for name, value in resource.inputs.items() if _holds_secret(value)]
            assert not leaking, f"{resource.type} {resource.name}"


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        return rpc.is_rpc_secret(value) or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)


def test_generated_values_are_passwords_since_the_identifier_of_random_bytes_is_its_value(
    everything: Recording,
) -> None:
    assert {r.type for r in everything.of_type("random:")} == {GENERATED}


def test_the_data_of_every_secret_is_secret(everything: Recording) -> None:
    secrets = [r for r in everything.objects if r.kind == "Secret"]
    assert len(secrets) == 6
    for secret in secrets:
        assert rpc.is_rpc_secret(secret.inputs["stringData"]), secret.name


def test_no_generated_or_given_secret_appears_in_plain_text(everything: Recording) -> None:
    values = [*FULL["secrets"].values(), "generated/", "generated%2F"]
    for resource in everything.resources:
        if resource.kind not in ("Secret", "Stash"):
            matching = [value for value in values if value in str(resource.inputs)]
            assert not matching, f"{resource.type} {resource.name}"


def test_every_object_is_a_child_of_a_component(recording: Recording) -> None:
    for resource in recording.resources:
        if resource.custom and resource.type != "pulumi:providers:kubernetes":
            assert "open-webui-stack:" in resource.parent, f"{resource.type} {resource.name}"


def test_every_object_goes_through_the_one_explicit_provider(recording: Recording) -> None:
    provider = recording.one("kubernetes")
    assert provider.inputs["context"] == "test"
    for resource in recording.objects:
        assert resource.provider.startswith(provider.urn), resource.name


def test_the_provider_updates_secrets_in_place_and_takes_over_hand_edits(recording: Recording) -> None:
    inputs = recording.one("kubernetes").inputs
    # Provider inputs are JSON text.
    assert inputs["enableSecretMutable"] == "true"
    assert inputs["enableConfigMapMutable"] == "true"
    assert inputs["enablePatchForce"] == "true"


def test_the_cluster_identifier_does_not_depend_on_the_context() -> None:
    first, second = (run("dev", [f"kubeContext={context}"]).one("kubernetes") for context in ("one", "two"))
    assert first.inputs["context"] != second.inputs["context"]
    assert first.inputs["clusterIdentifier"] == second.inputs["clusterIdentifier"] == "open-webui-stack/dev"


def test_every_object_has_a_fixed_name_in_the_stacks_namespace(recording: Recording) -> None:
    for resource in recording.objects:
        metadata = resource.inputs["metadata"]
        assert metadata["name"], resource.name
        if resource.kind != "Namespace":
            assert metadata["namespace"] == "rag-system", resource.name


def test_nothing_is_aliased_while_nothing_has_been_renamed(recording: Recording) -> None:
    # The SDK itself adds aliases for the other API versions of a kind; those keep name and parent.
    for resource in recording.resources:
        assert resource.aliases <= {("", "")}, resource.name


def test_prod_protects_and_retains_what_cannot_be_made_again(prod: Recording) -> None:
    protected = {(r.kind, r.name) for r in prod.resources if r.protect}
    assert protected == {
        ("Namespace", "namespace"),
        ("PersistentVolumeClaim", "postgres-data"),
        ("PersistentVolumeClaim", "open-webui-uploads"),
        ("PersistentVolumeClaim", "postgres-backups"),
        ("RandomPassword", "postgresql-password-1"),
        ("RandomPassword", "postgresql-client-password-1"),
        ("RandomPassword", "postgresql-backup-password-1"),
        ("Stash", "openwebui-encryption-key"),
    }
    assert protected == {(r.kind, r.name) for r in prod.resources if r.retain_on_delete}


def test_dev_protects_nothing(dev: Recording) -> None:
    assert not any(resource.protect or resource.retain_on_delete for resource in dev.resources)


def test_the_namespaces_rules_exist_before_any_workload(recording: Recording) -> None:
    rules = {r.urn for r in recording.objects if r.name in ("default-deny", "quota", "default-limits")}
    assert len(rules) == 3
    for workload in ("redis", "postgres"):
        [matching] = [r for r in recording.objects if r.kind in ("Deployment", "StatefulSet") and r.name == workload]
        assert rules <= recording.waits_for(matching), workload


def test_open_webui_starts_after_redis_and_the_database(recording: Recording) -> None:
    dependencies = recording.waits_for(recording.one("Deployment", "open-webui"))
    assert recording.one("Deployment", "redis").urn in dependencies
    assert recording.one("StatefulSet", "postgres").urn in dependencies


def test_a_version_change_replaces_open_webui_instead_of_rolling_it(recording: Recording) -> None:
    deployment = recording.one("Deployment", "open-webui")
    assert deployment.replace_on_changes == ('metadata.labels["app.kubernetes.io/version"]',)
    assert deployment.delete_before_replace


def test_outputs_are_those_of_the_contract_and_secret_where_they_hold_one(recording: Recording) -> None:
    assert {name: secret for name, (_, secret) in recording.outputs.items()} == {
        "namespace": False,
        "webui_url": False,
        "redis_cache_url": True,
        "redis_websocket_url": True,
        "database_url": True,
        "admin_email": False,
        "admin_password": True,
    }


def test_urls_quote_the_password(dev: Recording) -> None:
    quoted = re.escape("generated%2Fredis-password-1%40%25")
    url, _ = dev.outputs["redis_cache_url"]
    assert re.fullmatch(rf"redis://openwebui:{quoted}@redis-service:6379/0", url)
    url, _ = dev.outputs["redis_websocket_url"]
    assert url.endswith("@redis-service:6379/1")
    url, _ = dev.outputs["database_url"]
    assert url == "postgresql://ragsystemuser:generated%2Fpostgresql-password-1%40%25@postgres:5432/ragsystemdb"


def test_pods_read_the_very_urls_that_the_stack_exports(dev: Recording) -> None:
    redis = dev.one("Secret", "redis-config").plain("stringData")
    assert redis["cache-url"] == dev.outputs["redis_cache_url"][0]
    assert redis["websocket-url"] == dev.outputs["redis_websocket_url"][0]
    assert dev.one("Secret", "postgresql-secret").plain("stringData", "database-url") == dev.outputs["database_url"][0]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_preview_of_a_new_stack_works_with_unknown_values(environment: str) -> None:
    recording = run(environment, preview=True)
    assert set(recording.pods) == {"redis", "postgres", "open-webui", "tika"}


def test_each_rotation_adds_a_secret_and_keeps_the_earlier_ones() -> None:
    before, after = run("dev"), run("dev", ["rotate.redis=3", "rotate.postgresql=2", "rotate.openWebui=2"])
    names = [{r.name for r in recording.resources if r.type == GENERATED} for recording in (before, after)]
    assert names[0] < names[1]
    assert "generated%2Fredis-password-3" in after.outputs["redis_cache_url"][0]
    assert "generated%2Fpostgresql-password-2" in after.outputs["database_url"][0]
    assert (
        after.one("Secret", "openwebui-secret")
        .plain("stringData", "secret-key")
        .startswith("generated/openwebui-secret-key-2")
    )


@pytest.mark.parametrize(
    ("rotation", "rolled"),
    [
        ("rotate.redis=2", {"open-webui"}),
        ("rotate.postgresql=2", {"open-webui"}),
        ("rotate.openWebui=2", {"open-webui"}),
    ],
)
def test_a_rotation_rolls_the_pods_that_read_the_secret_and_no_others(
    dev: Recording, rotation: str, rolled: set[str]
) -> None:
    after = run("dev", [rotation])
    assert {name for name in dev.pods if _template(dev, name) != _template(after, name)} == rolled


def _template(recording: Recording, workload: str) -> object:
    [matching] = [r for r in recording.objects if r.kind in ("Deployment", "StatefulSet") and r.name == workload]
    return matching.inputs["spec"]["template"]
