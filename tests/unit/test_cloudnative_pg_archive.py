"""The archive of a cluster of CloudNativePG: the bucket, the plugin as archiver, base backups, a cluster from it."""

from typing import Any

import pytest

from components.blocks.quantities import quantity
from components.postgresql.archive.settings import archive_resources
from components.postgresql.stored_data import refused_cluster, stored_cluster
from stack_config.files import read_stack
from stack_config.load import ConfigError, parse
from tests.support.unit.effects_on_archive import ON as BUCKET
from tests.support.unit.effects_on_archive import SECRETS
from tests.support.unit.effects_on_cloudnative_pg import ON
from tests.support.unit.recording import Recording, run

ARCHIVED = (*ON, *BUCKET)
PLUGIN = "barman-cloud.cloudnative-pg.io"


def deployed(*sets: str, stack: str = "dev") -> Recording:
    return run(stack, (*ARCHIVED, *sets), SECRETS)


@pytest.fixture(scope="module")
def archived() -> Recording:
    return deployed()


def spec(recording: Recording, kind: str, name: str) -> Any:
    return recording.one(kind, name).inputs["spec"]


def store(recording: Recording) -> Any:
    return spec(recording, "ObjectStore", "postgres-archive")


def test_without_an_archive_the_cluster_knows_no_plugin() -> None:
    recording = run("dev", ON)
    assert not {"plugins", "externalClusters"} & spec(recording, "Cluster", "postgres").keys()
    assert not {"ObjectStore", "ScheduledBackup"} & {each.kind for each in recording.objects}


def test_the_plugin_archives_the_log_of_the_cluster(archived: Recording) -> None:
    made = spec(archived, "Cluster", "postgres")
    parameters = {"barmanObjectName": "postgres-archive", "serverName": "postgres"}
    assert made["plugins"] == [{"name": PLUGIN, "parameters": parameters, "isWALArchiver": True}]
    assert made["postgresql"]["parameters"]["archive_timeout"] == "30s"
    slower = spec(deployed("postgresql.archive.timeoutSeconds=60"), "Cluster", "postgres")
    assert slower["postgresql"]["parameters"]["archive_timeout"] == "60s"
    waits = archived.waits_for(archived.one("Cluster", "postgres"))
    assert archived.one("ObjectStore", "postgres-archive").urn in waits


def test_the_settings_of_the_bucket_are_those_of_one_server() -> None:
    made = store(
        deployed(
            "postgresql.archive.s3.prefix=chats/prod",
            "postgresql.archive.s3.endpointUrl=https://s3.example.com",
            "postgresql.archive.s3.region=eu-central-1",
            "postgresql.archive.s3.encryption=sse-kms",
            "postgresql.archive.s3.kmsKeyId=alias/log",
            "postgresql.archive.retentionDays=30",
        )
    )
    assert made["configuration"]["destinationPath"] == "s3://backups/chats/prod"
    assert made["configuration"]["endpointURL"] == "https://s3.example.com"
    objects = {"compression": "gzip", "encryption": "aws:kms"}
    key = ["--sse-kms-key-id=alias/log"]
    assert made["configuration"]["wal"] == {**objects, "archiveAdditionalCommandArgs": key}
    assert made["configuration"]["data"] == {**objects, "additionalCommandArgs": key}
    assert made["retentionPolicy"] == "30d"
    variables = {each["name"]: each["value"] for each in made["instanceSidecarConfiguration"]["env"]}
    assert variables == {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }
    by_service = store(deployed("postgresql.archive.s3.encryption=sse-s3"))["configuration"]
    assert by_service["wal"] == by_service["data"] == {"compression": "gzip", "encryption": "AES256"}
    assert store(deployed())["configuration"]["wal"] == {"compression": "gzip"}


def test_the_credentials_are_in_a_secret_that_the_store_names(archived: Recording) -> None:
    secret = archived.one("Secret", "postgres-archive")
    assert secret.plain("stringData", "access-key-id") == SECRETS["archiveS3AccessKeyId"]
    assert secret.plain("stringData", "secret-access-key") == SECRETS["archiveS3SecretAccessKey"]
    assert store(archived)["configuration"]["s3Credentials"] == {
        "accessKeyId": {"name": "postgres-archive", "key": "access-key-id"},
        "secretAccessKey": {"name": "postgres-archive", "key": "secret-access-key"},
    }


def test_credentials_by_reference_are_not_copied() -> None:
    keys = {"archiveS3AccessKeyId": "id", "archiveS3SecretAccessKey": "secret"}
    sets = [
        f"existingSecrets.{name}.{part}={value}"
        for name, key in keys.items()
        for part, value in (("name", "bucket"), ("key", key))
    ]
    recording = run("dev", (*ARCHIVED, *sets))
    assert ("Secret", "postgres-archive") not in {(each.kind, each.name) for each in recording.objects}
    assert store(recording)["configuration"]["s3Credentials"] == {
        "accessKeyId": {"name": "bucket", "key": "id"},
        "secretAccessKey": {"name": "bucket", "key": "secret"},
    }


def test_the_role_of_the_service_account_needs_no_secret() -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/archive"}
    [(name, value)] = role.items()
    annotation = f'postgresql.serviceAccount.annotations["{name}"]={value}'
    sets = ("postgresql.archive.s3.credentials=serviceAccount", annotation)
    recording = run("dev", (*ARCHIVED, *sets))
    assert ("Secret", "postgres-archive") not in {(each.kind, each.name) for each in recording.objects}
    assert store(recording)["configuration"]["s3Credentials"] == {"inheritFromIAMRole": True}
    made = spec(recording, "Cluster", "postgres")
    assert made["serviceAccountTemplate"] == {"metadata": {"annotations": role}}
    assert "serviceAccountTemplate" not in spec(deployed(), "Cluster", "postgres")


def test_base_backups_begin_at_once_and_have_the_age_of_the_setting() -> None:
    recording = deployed("postgresql.archive.baseBackupHours=6")
    made = spec(recording, "ScheduledBackup", "postgres-base-backups")
    assert (made["schedule"], made["immediate"], made["cluster"]) == ("@every 6h", True, {"name": "postgres"})
    assert (made["method"], made["pluginConfiguration"]) == ("plugin", {"name": PLUGIN})
    assert recording.one("Cluster", "postgres").urn in recording.waits_for(
        recording.one("ScheduledBackup", "postgres-base-backups")
    )


def test_the_pods_reach_the_bucket(archived: Recording) -> None:
    own = deployed("postgresql.archive.s3.egress[0]=10.20.0.0/16:9000")
    assert spec(own, "NetworkPolicy", "postgres")["egress"][-1] == {
        "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}],
        "ports": [{"protocol": "TCP", "port": 9000}],
    }
    without = spec(run("dev", ON), "NetworkPolicy", "postgres")["egress"]
    [bucket] = [rule for rule in spec(archived, "NetworkPolicy", "postgres")["egress"] if rule not in without]
    assert bucket["ports"] == [{"protocol": "TCP", "port": 443}]


PROXY = ("pods.proxy.httpsProxy=http://proxy.example.com:3128", "pods.proxy.noProxy[0]=.corp.example.com")
PRIVATE = "postgresql.archive.s3.endpointUrl=https://s3.corp.example.com"
COMMON = ("pods.caBundle.secret=private-ca", "pods.caBundle.key=bundle.pem")
BUNDLE = tuple(f"postgresql.{key}" for key in COMMON)
AUTHORITY = {"name": "private-ca", "key": "bundle.pem"}


def test_the_plugin_connects_through_the_proxy_and_to_the_api_server_past_it() -> None:
    recording = deployed(*PROXY, "postgresql.archive.s3.endpointUrl=https://minio:9000")
    variables = {each["name"]: each["value"] for each in store(recording)["instanceSidecarConfiguration"]["env"]}
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://proxy.example.com:3128"
    assert "HTTP_PROXY" not in variables
    past = variables["NO_PROXY"].split(",")
    assert variables["no_proxy"] == variables["NO_PROXY"]
    # The client of Kubernetes follows HTTPS_PROXY, and connects to the address in this variable of every container.
    assert {"$(KUBERNETES_SERVICE_HOST)", "minio", ".corp.example.com", ".svc"} <= set(past)
    ports = [rule.get("ports") for rule in spec(recording, "NetworkPolicy", "postgres")["egress"]]
    assert [{"protocol": "TCP", "port": 3128}] in ports
    without = store(deployed())["instanceSidecarConfiguration"]["env"]
    assert not [each for each in without if "PROXY" in each["name"].upper()]
    assert "3128" not in str(spec(deployed(), "NetworkPolicy", "postgres"))


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ((PRIVATE, *BUNDLE), AUTHORITY),
        # A proxy may replace the certificates of AWS; without one they are public.
        ((*PROXY, *BUNDLE), AUTHORITY),
        (BUNDLE, None),
        (COMMON, None),
        (("postgresql.archive.s3.endpointUrl=http://minio.storage:9000", *BUNDLE), None),
        ((PRIVATE,), None),
    ],
)
def test_the_plugin_trusts_the_private_authority_where_there_can_be_one(
    sets: tuple[str, ...], expected: dict[str, str] | None
) -> None:
    assert store(deployed(*sets))["configuration"].get("endpointCA") == expected


@pytest.mark.parametrize("key", ["pods.caBundle", "postgresql.pods.caBundle"])
def test_authorities_in_a_config_map_are_refused_where_the_plugin_would_need_them(key: str) -> None:
    with pytest.raises(ConfigError, match="reads the authorities of the bucket from a Secret") as error:
        deployed(PRIVATE, f"{key}.configMap=private-ca")
    assert f"{key}.configMap private-ca" in str(error.value)
    assert "pulumi config set --path postgresql.pods.caBundle.secret private-ca" in str(error.value)
    # The bucket has a public certificate.
    assert "endpointCA" not in store(deployed(f"{key}.configMap=private-ca"))["configuration"]
    own = deployed(PRIVATE, "pods.caBundle.configMap=private-ca", "postgresql.pods.caBundle.secret=private-ca")
    assert store(own)["configuration"]["endpointCA"] == {"name": "private-ca", "key": "ca.crt"}


@pytest.mark.parametrize("sets", [(PRIVATE,), PROXY])
def test_the_bundle_of_the_stack_does_not_silently_replace_the_public_authorities_of_the_bucket(
    sets: tuple[str, ...],
) -> None:
    """A bucket with a public certificate would no longer be trusted, and the WAL would stay on the volume."""
    with pytest.raises(ConfigError, match=r"pods\.caBundle\.secret private-ca .* no public one") as error:
        deployed(*sets, *COMMON)
    assert "pulumi config set --path postgresql.pods.caBundle.secret private-ca" in str(error.value)
    assert "has 1 problem" in str(error.value)


def test_a_proxy_of_a_private_network_needs_its_address() -> None:
    with pytest.raises(ConfigError, match=r"postgresql\.archive\.s3\.egress"):
        deployed("postgresql.pods.proxy.httpsProxy=http://proxy.corp:3128")


def test_the_quota_has_room_for_the_plugin_beside_each_instance(archived: Recording) -> None:
    with_it, without = (
        spec(each, "ResourceQuota", "quota")["hard"]["limits.memory"] for each in (archived, run("dev", ON))
    )
    sidecar = quantity(archive_resources()["limits"]["memory"])
    assert quantity(with_it) - quantity(without) == 4 * sidecar, "three instances and a Job"
    assert store(archived)["instanceSidecarConfiguration"]["resources"] == archive_resources()


def test_a_cluster_is_created_from_the_archive_of_another() -> None:
    sets = (
        "postgresql.cloudnativePg.archiveName=postgres-2",
        "postgresql.cloudnativePg.recovery.archiveName=postgres",
        "postgresql.cloudnativePg.recovery.targetTime=2026-11-29T12:34:56Z",
    )
    made = spec(deployed(*sets), "Cluster", "postgres")
    assert made["bootstrap"] == {
        "recovery": {
            "database": "ragsystemdb",
            "owner": "ragsystemuser",
            "secret": {"name": "postgres-owner"},
            "source": "recovered",
            "recoveryTarget": {"targetTime": "2026-11-29T12:34:56Z"},
        }
    }
    [source] = made["externalClusters"]
    assert source["name"] == "recovered"
    assert source["plugin"]["parameters"] == {"barmanObjectName": "postgres-archive", "serverName": "postgres"}
    assert made["plugins"][0]["parameters"]["serverName"] == "postgres-2"
    latest = spec(deployed(*sets[:2]), "Cluster", "postgres")["bootstrap"]["recovery"]
    assert "recoveryTarget" not in latest


def test_an_existing_cluster_is_not_recovered() -> None:
    def facts(*sets: str) -> Any:
        config = read_stack("dev", ["kubeContext=test", *ARCHIVED, *sets])
        secrets = {f"open-webui-stack:{name}": value for name, value in SECRETS.items()}
        return stored_cluster(parse({**config.values, **secrets}, [*secrets]).postgresql)

    plain = facts()
    recovered = facts("postgresql.cloudnativePg.recovery.archiveName=old")
    finding = refused_cluster(plain, recovered)
    assert finding
    assert finding.key == "postgresql.cloudnativePg.recovery.archiveName"
    assert "the cluster exists" in finding.message
    assert finding.commands == ("pulumi config rm --path postgresql.cloudnativePg.recovery.archiveName",)
    assert refused_cluster(recovered, recovered) is None
    assert refused_cluster(recovered, plain) is None


def test_an_archive_needs_the_secrets_of_its_bucket() -> None:
    with pytest.raises(ConfigError, match="archiveS3AccessKeyId") as error:
        run("dev", ARCHIVED)
    assert "archiveS3SecretAccessKey" in str(error.value)
