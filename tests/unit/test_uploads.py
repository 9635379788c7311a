"""Uploads: credentials of a bucket, and what they mean for networks, pods and the preflight."""

import json
from typing import Any

import pytest

from stack_config.load import ConfigError
from tests.support.unit.config_reports import report
from tests.support.unit.effects_on_uploads import (
    AZURE,
    AZURE_SECRETS,
    CLIENT,
    GCS,
    GCS_KEY,
    S3,
    S3_SECRETS,
    VOLUME,
)
from tests.support.unit.recording import Recording, run

ROLE = 'openWebui.serviceAccount.annotations["eks.amazonaws.com/role-arn"]=arn:aws:iam::123456789012:role/uploads'
BY_ACCOUNT = (*S3, "openWebui.uploads.s3.credentials=serviceAccount")
PUBLIC_HTTPS = ("0.0.0.0/0", 443)
POD_IDENTITY_AGENT = ("169.254.170.23/32", 80)


def ways_out(recording: Recording, policy: str) -> set[tuple[str, int]]:
    """CIDRs and ports of the rules of a policy that name addresses."""
    rules: list[Any] = recording.one("NetworkPolicy", policy).inputs["spec"]["egress"]
    return {
        (peer["ipBlock"]["cidr"], port["port"])
        for rule in rules
        for peer in rule["to"]
        if "ipBlock" in peer
        for port in rule["ports"]
    }


def template(recording: Recording, kind: str, name: str) -> dict[str, Any]:
    """Metadata of a workload's pods."""
    metadata: dict[str, Any] = recording.one(kind, name).inputs["spec"]["template"]["metadata"]
    return metadata


@pytest.mark.parametrize(
    ("sets", "more"), [((ROLE,), set()), ((), {POD_IDENTITY_AGENT})], ids=["by IRSA", "by EKS Pod Identity"]
)
def test_a_role_needs_no_keys_and_its_way_to_a_token_is_open(sets: tuple[str, ...], more: set[tuple[str, int]]) -> None:
    recording = run("dev", [*BY_ACCOUNT, *sets])
    assert (
        not {"s3-access-key-id", "s3-secret-access-key"}
        & recording.one("Secret", "openwebui-secret").inputs["stringData"].keys()
    )
    for policy in ("open-webui", "open-webui-preflight"):
        ways = ways_out(recording, policy)
        assert PUBLIC_HTTPS in ways
        assert {way for way in ways if way[0].startswith("169.254.")} == more


@pytest.mark.parametrize(
    ("kind", "settings", "variable"),
    [
        ("s3", {"bucketName": "uploads"}, "AWS_ACCESS_KEY_ID"),
        ("s3", {"bucketName": "uploads"}, "AWS_SESSION_TOKEN"),
        ("s3", {"bucketName": "uploads"}, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ("gcs", {"bucketName": "uploads"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        (
            "azure",
            {"endpointUrl": "https://a.blob.core.windows.net", "containerName": "uploads"},
            "AZURE_CLIENT_SECRET",
        ),
    ],
)
def test_secrets_that_would_replace_the_identity_of_the_pods_are_refused(
    kind: str, settings: dict[str, str], variable: str
) -> None:
    """`tests/servers/test_bucket.py` and `test_cloud_buckets.py` show that the clients prefer them."""
    store = {"kind": kind, kind: {**settings, "credentials": "serviceAccount"}}
    annotations = (
        {"azure.workload.identity/client-id": "01234567-89ab-cdef-0123-456789abcdef"} if kind == "azure" else {}
    )
    web = {"variant": "full", "uploads": store, "serviceAccount": {"annotations": annotations}}
    text = report({"openWebui": web, "secretEnv": {variable: "hunter2"}}, frozenset({"secretEnv"}))
    assert f"secretEnv.{variable}: " in text
    assert f"conflicts with uploads.{kind}.credentials serviceAccount" in text
    assert f"pulumi config rm --path secretEnv.{variable}" in text
    assert "hunter2" not in text


def test_credentials_of_plugins_are_allowed_beside_explicit_keys_of_the_bucket() -> None:
    """The clients of explicit keys look at no variable."""
    secrets = {**S3_SECRETS, "secretEnv": json.dumps({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})}
    container = run("dev", S3, secrets).containers["open-webui/open-webui"]
    names = {each["name"] for each in container["env"]}
    assert {"S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"} <= names


def test_keys_need_no_way_to_a_token() -> None:
    ways = ways_out(run("dev", S3, S3_SECRETS), "open-webui")
    assert not [cidr for cidr, _ in ways if cidr.startswith("169.254.")]


def test_the_preflight_asks_with_the_account_that_has_the_role() -> None:
    recording = run("dev", [*BY_ACCOUNT, ROLE])
    assert recording.every_pod["open-webui-preflight"]["serviceAccountName"] == "open-webui"
    assert recording.every_pod["open-webui-preflight"]["automountServiceAccountToken"] is False
    assert "open-webui-preflight" not in {each.name for each in recording.objects if each.kind == "ServiceAccount"}
    account = recording.one("ServiceAccount", "open-webui").urn
    for kind, name in (("Job", "open-webui-preflight"), ("Deployment", "open-webui")):
        assert account in recording.waits_for(recording.one(kind, name))
    assert run("dev", S3, S3_SECRETS).every_pod["open-webui-preflight"]["serviceAccountName"] == "open-webui-preflight"


def test_another_role_rolls_the_pods_and_asks_again() -> None:
    one, other = run("dev", [*BY_ACCOUNT, ROLE]), run("dev", [*BY_ACCOUNT, f"{ROLE}-2"])
    for kind, name in (("Job", "open-webui-preflight"), ("Deployment", "open-webui")):
        checksums = [template(each, kind, name)["annotations"]["checksum/service-account"] for each in (one, other)]
        assert checksums[0] != checksums[1]
    assert "checksum/service-account" not in template(run("dev"), "Deployment", "open-webui")["annotations"]


@pytest.mark.parametrize(
    ("sets", "secrets", "message"),
    [
        (S3, {"s3AccessKeyId": "a"}, r"s3SecretAccessKey: .*is missing; openWebui\.uploads\.s3\.credentials needs it"),
        (S3, {"s3SecretAccessKey": "a"}, r"s3AccessKeyId: the secret s3AccessKeyId is missing"),
        (BY_ACCOUNT, S3_SECRETS, r"s3AccessKeyId is set, but openWebui\.uploads\.s3\.credentials does not need it"),
        (VOLUME, S3_SECRETS, r"s3AccessKeyId is set, but openWebui\.uploads\.kind does not need it"),
    ],
    ids=["no secret key", "no access key", "keys beside a role", "keys without a bucket"],
)
def test_keys_come_in_pairs_and_not_beside_a_role(sets: tuple[str, ...], secrets: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run("dev", sets, secrets)


def test_a_claim_that_exists_counts_in_the_quota() -> None:
    own, existing = run("dev", VOLUME), run("dev", [*VOLUME, "openWebui.uploads.volume.existingClaim=chat-data"])
    hard = [each.one("ResourceQuota", "quota").inputs["spec"]["hard"] for each in (own, existing)]
    assert hard[0]["persistentvolumeclaims"] == hard[1]["persistentvolumeclaims"]


METADATA_SERVER = {("169.254.169.254/32", 80), ("169.254.169.252/32", 988)}


@pytest.mark.parametrize(
    ("sets", "more"),
    [
        ((*GCS, "openWebui.uploads.gcs.credentials=serviceAccount"), METADATA_SERVER),
        ((*AZURE, CLIENT, "openWebui.uploads.azure.credentials=serviceAccount"), set()),
    ],
    ids=["by Workload Identity Federation for GKE", "by Microsoft Entra Workload ID"],
)
def test_an_identity_of_google_or_azure_needs_no_keys(sets: tuple[str, ...], more: set[tuple[str, int]]) -> None:
    recording = run("dev", sets)
    assert "AZURE_STORAGE_KEY" not in recording.one("Secret", "openwebui-secret").inputs["stringData"]
    for policy in ("open-webui", "open-webui-preflight"):
        ways = ways_out(recording, policy)
        assert PUBLIC_HTTPS in ways
        assert {way for way in ways if way[0].startswith("169.254.")} == more


def test_azure_gives_a_token_to_pods_with_its_label() -> None:
    label = "azure.workload.identity/use"
    recording = run("dev", [*AZURE, CLIENT, "openWebui.uploads.azure.credentials=serviceAccount"])
    for kind, name in (("Job", "open-webui-preflight"), ("Deployment", "open-webui")):
        assert template(recording, kind, name)["labels"][label] == "true"
        assert label not in recording.one(kind, name).inputs["metadata"]["labels"]
        assert label not in template(run("dev", AZURE, AZURE_SECRETS), kind, name)["labels"]


@pytest.mark.parametrize(
    ("sets", "secret", "value", "message"),
    [
        (GCS, "GOOGLE_APPLICATION_CREDENTIALS_JSON", "hunter2", "it is not JSON"),
        (GCS, "GOOGLE_APPLICATION_CREDENTIALS_JSON", '{"client_email": "hunter2"}', "it has no private_key, token_uri"),
        (GCS, "GOOGLE_APPLICATION_CREDENTIALS_JSON", '["hunter2"]', "it has no client_email, private_key, token_uri"),
        (AZURE, "AZURE_STORAGE_KEY", "AccountName=hunter2;AccountKey=a", "it is not in base64"),
        (S3, "s3AccessKeyId", "hunter2 ", "it contains a space"),
    ],
)
def test_a_credential_of_another_form_is_named_without_its_value(
    sets: tuple[str, ...], secret: str, value: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"the secret {secret} is invalid: {message}") as error:
        run("dev", sets, {"s3SecretAccessKey": "b", secret: value} if sets is S3 else {secret: value})
    assert "hunter2" not in str(error.value)


def test_a_key_of_google_may_have_several_lines() -> None:
    text = json.dumps(json.loads(GCS_KEY), indent=2)
    secret = run("dev", GCS, {"GOOGLE_APPLICATION_CREDENTIALS_JSON": text}).one("Secret", "openwebui-secret")
    assert secret.plain("stringData", "GOOGLE_APPLICATION_CREDENTIALS_JSON") == text
