"""The archive of a cluster in a bucket: the log and base backups, by the Barman Cloud plugin of CloudNativePG.

Free of Pulumi. https://cloudnative-pg.io/plugin-barman-cloud/docs/usage/
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.bucket_settings import BucketSettings
from ...blocks.destinations import is_inside
from ...blocks.outside_connections import proxy_variables
from ..archive.settings import ArchiveSettings, archive_resources
from .names import CLUSTER, OBJECT_STORE, RECOVERED

if TYPE_CHECKING:
    from ...blocks.secret_reference import SecretReference
    from ..settings import PostgreSQLSettings

PLUGIN = "barman-cloud.cloudnative-pg.io"
"""Name by which the operator knows the plugin."""

API_SERVER = "$(KUBERNETES_SERVICE_HOST)"
"""Address of the API server, which the kubelet fills in. The plugin's container connects there as well."""

_ENCRYPTION = {"sse-s3": "AES256", "sse-kms": "aws:kms"}


def object_store_spec(settings: "PostgreSQLSettings", credentials: Mapping[str, "SecretReference"]) -> dict[str, Any]:
    """`spec` of the ObjectStore.

    Args:
        settings: of PostgreSQL, whose archive is on.
        credentials: where they are, by the fields of ``s3Credentials``; empty for the role of the ServiceAccount.
    """
    archive, bundle = settings.archive, settings.pods.ca_bundle
    keys = {field: {"name": each.name, "key": each.key} for field, each in credentials.items()}
    configuration: dict[str, Any] = {
        "destinationPath": archive.s3.url,
        "s3Credentials": keys or {"inheritFromIAMRole": True},
        "wal": {**_upload(archive.s3), **_arguments(archive.s3, "archiveAdditionalCommandArgs")},
        "data": {**_upload(archive.s3), **_arguments(archive.s3, "additionalCommandArgs")},
    }
    if archive.s3.endpoint_url:
        configuration["endpointURL"] = archive.s3.endpoint_url
    if bundle.secret and may_have_private_authority(settings):
        configuration["endpointCA"] = {"name": bundle.secret, "key": bundle.key}
    variables = {
        # Other services refuse the checksums that newer clients add on their own.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        # The field of the credentials takes it from a Secret only.
        **({"AWS_DEFAULT_REGION": archive.s3.region} if archive.s3.region else {}),
    }
    return {
        "configuration": configuration,
        "retentionPolicy": f"{archive.retention_days}d",
        "instanceSidecarConfiguration": {
            "env": [*({"name": name, "value": value} for name, value in variables.items()), *_proxy(settings)],
            "resources": archive_resources(),
        },
    }


def may_have_private_authority(settings: "PostgreSQLSettings") -> bool:
    """Whether the certificate of the bucket's service can be one of a private authority. Those of AWS are not, unless a
    proxy replaces them. Barman Cloud trusts either the public authorities or the file that it is given.

    Args:
        settings: of PostgreSQL.
    """
    endpoint = settings.archive.s3.endpoint_url
    if endpoint:
        return endpoint.startswith("https://")
    return bool(settings.pods.proxy.https_proxy)


def _proxy(settings: "PostgreSQLSettings") -> list[dict[str, Any]]:
    """Variables of the proxy; none without one."""
    inside = [each.host for _, each in settings.archive_services if is_inside(each)]
    return proxy_variables(settings.pods.proxy, [*inside, API_SERVER])


def _upload(bucket: BucketSettings) -> dict[str, str]:
    encryption = _ENCRYPTION.get(bucket.encryption)
    return {"compression": "gzip", **({"encryption": encryption} if encryption else {})}


def _arguments(bucket: BucketSettings, field: str) -> dict[str, list[str]]:
    return {field: [f"--sse-kms-key-id={bucket.kms_key_id}"]} if bucket.kms_key_id else {}


def scheduled_backup_spec(archive: ArchiveSettings) -> dict[str, Any]:
    """`spec` of the ScheduledBackup."""
    return {
        "cluster": {"name": CLUSTER},
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
        # Not at an hour of the day: so long after the one before.
        "schedule": f"@every {archive.base_backup_hours}h",
        # A log without a base backup recovers nothing.
        "immediate": True,
        "target": "prefer-standby",
        "backupOwnerReference": "self",
    }


def archived(settings: "PostgreSQLSettings") -> dict[str, Any]:
    """What the `spec` of the Cluster has for it; nothing without an archive."""
    if not settings.archive.enabled:
        return {}
    return {"plugins": [{**_plugin(settings.cloudnative_pg.archive_name), "isWALArchiver": True}]}


def recovery_sources(settings: "PostgreSQLSettings") -> dict[str, Any]:
    """What the `spec` of the Cluster has for the archive that it is created from; nothing for an empty database."""
    source = settings.cloudnative_pg.recovery.archive_name
    return {"externalClusters": [{"name": RECOVERED, "plugin": _plugin(source)}]} if source else {}


def _plugin(archive_name: str) -> dict[str, Any]:
    return {"name": PLUGIN, "parameters": {"barmanObjectName": OBJECT_STORE, "serverName": archive_name}}
