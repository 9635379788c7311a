"""The archive of a cluster in a bucket: the log and base backups, by the Barman Cloud plugin of CloudNativePG.

Free of Pulumi. https://cloudnative-pg.io/plugin-barman-cloud/docs/usage/
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.secret_reference import SecretReference
from ..archive.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, ArchiveSettings, archive_resources
from .names import CLUSTER, OBJECT_STORE, RECOVERED

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings

PLUGIN = "barman-cloud.cloudnative-pg.io"
"""Name by which the operator knows the plugin."""

CREDENTIALS = {ACCESS_KEY_ID: "access-key-id", SECRET_ACCESS_KEY: "secret-access-key"}
"""Keys of the Secret with the credentials, by their secret config keys."""

_FIELDS = {ACCESS_KEY_ID: "accessKeyId", SECRET_ACCESS_KEY: "secretAccessKey"}


def object_store_spec(archive: ArchiveSettings, references: Mapping[str, SecretReference]) -> dict[str, Any]:
    """`spec` of the ObjectStore.

    Args:
        archive: of the settings, enabled.
        references: Secrets with the credentials, by their secret config keys.
    """
    encryption = {"encryption": archive.s3.encryption} if archive.s3.encryption else {}
    configuration: dict[str, Any] = {
        "destinationPath": archive.s3.url,
        "s3Credentials": {
            field: {"name": references[name].name, "key": references[name].key} for name, field in _FIELDS.items()
        },
        "wal": {"compression": "gzip", **encryption},
        "data": {"compression": "gzip", **encryption},
    }
    if archive.s3.endpoint_url:
        configuration["endpointURL"] = archive.s3.endpoint_url
    sidecar: dict[str, Any] = {"resources": archive_resources()}
    if archive.s3.region:
        # The field of the credentials takes it from a Secret only.
        sidecar["env"] = [{"name": "AWS_DEFAULT_REGION", "value": archive.s3.region}]
    return {
        "configuration": configuration,
        "retentionPolicy": f"{archive.retention_days}d",
        "instanceSidecarConfiguration": sidecar,
    }


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
