"""The buckets of the stack: their secrets, and where their clients connect to."""

from collections.abc import Iterator, Mapping

from components.backup.bucket_settings import KEYS as BACKUP_KEYS
from components.backup.bucket_settings import SECRETS as BACKUP_SECRETS
from components.backup.settings import BackupSettings
from components.blocks.base_settings import Problem
from components.blocks.destinations import destination_of_url
from components.open_webui.exposure_rules import private_name_problems
from components.postgresql.archive.settings import KEYS as ARCHIVE_KEYS
from components.postgresql.archive.settings import SECRETS as ARCHIVE_SECRETS
from components.postgresql.cloudnative_pg.archive import may_have_private_authority
from components.postgresql.settings import PostgreSQLSettings
from components.postgresql.topologies.cloudnative_pg import CloudNativePG

BUCKET_SECRETS: Mapping[str, str] = {**ARCHIVE_SECRETS, **BACKUP_SECRETS}
"""Secret config keys of the buckets, with their descriptions."""


def bucket_secrets(postgresql: PostgreSQLSettings, backup: BackupSettings) -> Iterator[tuple[str, str, bool]]:
    """Each secret config key, the setting that decides about it, and whether it is needed."""
    for keys, used in ((ARCHIVE_KEYS, postgresql.archive.uses_keys), (BACKUP_KEYS, backup.s3.uses_keys)):
        yield from ((name, f"{keys.setting}.credentials", used) for name in keys.names)


def bucket_problems(postgresql: PostgreSQLSettings, backup: BackupSettings) -> Iterator[Problem]:
    """Problems with endpoints that network policies do not open."""
    archive = postgresql.archive.s3
    yield from private_name_problems(postgresql.archive_services, archive.targets, f"{ARCHIVE_KEYS.setting}.egress")
    yield from private_name_problems(backup.services, backup.s3.targets, f"{BACKUP_KEYS.setting}.egress")


def bucket_proxy_problems(postgresql: PostgreSQLSettings, backup: BackupSettings) -> Iterator[Problem]:
    """Problems with proxies of the clients that network policies do not open.

    Args:
        postgresql: its settings, `pods` of the stack included.
        backup: the same.
    """
    for keys, used, s3, pods in (
        (ARCHIVE_KEYS, bool(postgresql.archive_services), postgresql.archive.s3, postgresql.pods),
        (BACKUP_KEYS, bool(backup.services), backup.s3, backup.pods),
    ):
        if used:
            named = [(key, each) for key, url in pods.proxy.urls_by_path.items() if (each := destination_of_url(url))]
            yield from private_name_problems(named, s3.targets, f"{keys.setting}.egress")


def archive_bundle_problems(own: PostgreSQLSettings, merged: PostgreSQLSettings) -> Iterator[Problem]:
    """Problems with private authorities that the plugin of CloudNativePG cannot read.

    Args:
        own: settings of PostgreSQL as the user wrote them.
        merged: the same, `pods` of the stack included.
    """
    used, is_own = merged.pods.ca_bundle, "ca_bundle" in own.pods.model_fields_set
    if not (
        used.is_set
        and isinstance(merged.layout, CloudNativePG)
        and merged.archive.enabled
        and may_have_private_authority(merged)
    ):
        return
    bundle = "postgresql.pods.caBundle" if is_own else "pods.caBundle"
    allowed = (
        "postgresql.pods.caBundle.secret, a Secret with every authority that the certificate of the bucket may "
        "need, or an empty postgresql.pods.caBundle where it is a public one"
    )
    if used.config_map:
        yield Problem(
            keys=("postgresql.pods.caBundle.secret", f"{bundle}.configMap"),
            message=f"{bundle}.configMap {used.config_map} with the archive of topology cloudnative-pg: the plugin "
            "reads the authorities of the bucket from a Secret, and trusts no others",
            allowed=allowed,
            fix=used.config_map,
        )
    elif used.secret and not is_own:
        # Elsewhere the bundle is added to the public authorities. A bucket with a public certificate would not be
        # trusted any more, and the log would stay on the volume.
        yield Problem(
            keys=("postgresql.pods.caBundle.secret", bundle),
            message=f"{bundle}.secret {used.secret} with the archive of topology cloudnative-pg: for the bucket, the "
            "plugin would trust these authorities and no public one",
            allowed=allowed,
            fix=used.secret,
        )
