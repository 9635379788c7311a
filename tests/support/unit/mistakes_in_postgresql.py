"""Configs of PostgreSQL's TLS and upgrades with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_EXTERNAL = {"topology": "external", "external": {"hosts": "10.0.0.1"}}
_CLOUDNATIVE_PG = {"topology": "cloudnative-pg", "resources": {"limits": {"memory": "3Gi"}}}
_ARCHIVE = {"enabled": True, "s3": {"bucket": "backups"}}
_OLD, _NEW = "pgvector/pgvector:pg17", "pgvector/pgvector:pg18"

POSTGRESQL_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    (
        "two certificates of PostgreSQL",
        {"postgresql": {"tls": {"secretName": "postgresql-tls", "issuer": {"name": "internal"}}}},
        "postgresql.tls.secretName",
        "one of them",
    ),
    (
        "a kind of issuer without an issuer of PostgreSQL",
        {"postgresql": {"tls": {"issuer": {"kind": "Issuer"}}}},
        "postgresql.tls.issuer.kind",
        "the name of an issuer",
    ),
    (
        "TLS of a database that is not the stack's",
        {"postgresql": {**_EXTERNAL, "tls": {"secretName": "postgresql-tls"}}},
        "postgresql.tls",
        "topology: standalone",
    ),
    (
        "an upgrade of a database that is not the stack's",
        {"postgresql": {**_EXTERNAL, "upgrade": {"undo": 18}}},
        "postgresql.upgrade",
        "topology: standalone",
    ),
    (
        "an upgrade to the same release",
        {"postgresql": {"image": _OLD, "upgrade": {"fromImage": "postgres:17.2"}}},
        "postgresql.upgrade.fromImage",
        "an image older than PostgreSQL 17",
    ),
    (
        "an upgrade to an older release",
        {"postgresql": {"image": _OLD, "upgrade": {"fromImage": _NEW}}},
        "postgresql.upgrade.fromImage",
        "an image older than PostgreSQL 17",
    ),
    (
        "the undoing of an upgrade with the new release",
        {"postgresql": {"image": _NEW, "upgrade": {"undo": 18}}},
        "postgresql.upgrade.undo",
        "the release from before the upgrade to PostgreSQL 18",
    ),
    (
        "an upgrade and its undoing",
        {"postgresql": {"image": _NEW, "upgrade": {"fromImage": _OLD, "undo": 19}}},
        "postgresql.upgrade.fromImage",
        "one of them",
    ),
    (
        "dumps of CloudNativePG by another major version",
        {
            "backup": {"enabled": True},
            "postgresql": {
                **_CLOUDNATIVE_PG,
                "cloudnativePg": {"image": "ghcr.io/cloudnative-pg/postgresql:18.1-standard-trixie"},
            },
        },
        "postgresql.image",
        "an image of PostgreSQL 18",
    ),
    (
        "an archive of CloudNativePG without a bucket",
        {"postgresql": {**_CLOUDNATIVE_PG, "archive": {"enabled": True}}},
        "postgresql.archive.s3.bucket",
        "an existing bucket",
    ),
    (
        "an image that the plugin does not run",
        {"postgresql": {**_CLOUDNATIVE_PG, "archive": {**_ARCHIVE, "image": "mirror/barman:1"}}},
        "postgresql.archive.image",
        "no archive.image",
    ),
    (
        "a limit that CloudNativePG does not have",
        {"postgresql": {**_CLOUDNATIVE_PG, "archive": {**_ARCHIVE, "pendingLimit": "1Gi"}}},
        "postgresql.archive.pendingLimit",
        "no archive.pendingLimit",
    ),
    (
        "an addressing style that the plugin does not know",
        {
            "postgresql": {
                **_CLOUDNATIVE_PG,
                "archive": {"enabled": True, "s3": {"bucket": "backups", "addressingStyle": "virtual"}},
            }
        },
        "postgresql.archive.s3.addressingStyle",
        "auto",
    ),
    (
        "a name of an archive that there is none of",
        {"postgresql": {**_CLOUDNATIVE_PG, "cloudnativePg": {"archiveName": "chats"}}},
        "postgresql.cloudnativePg.archiveName",
        "archive.enabled: true",
    ),
    (
        "a recovery without a bucket",
        {"postgresql": {**_CLOUDNATIVE_PG, "cloudnativePg": {"recovery": {"archiveName": "lost"}}}},
        "postgresql.cloudnativePg.recovery",
        "archive.enabled: true",
    ),
    (
        "a recovery into its own archive",
        {
            "postgresql": {
                **_CLOUDNATIVE_PG,
                "archive": _ARCHIVE,
                "cloudnativePg": {"recovery": {"archiveName": "postgres"}},
            }
        },
        "postgresql.cloudnativePg.archiveName",
        "another name",
    ),
    (
        "a time without an archive",
        {
            "postgresql": {
                **_CLOUDNATIVE_PG,
                "cloudnativePg": {"recovery": {"targetTime": "2026-11-29T12:34:56Z"}},
            }
        },
        "postgresql.cloudnativePg.recovery.targetTime",
        "the archive to recover from",
    ),
    (
        "a time of no time zone",
        {
            "postgresql": {
                **_CLOUDNATIVE_PG,
                "archive": _ARCHIVE,
                "cloudnativePg": {"recovery": {"archiveName": "lost", "targetTime": "2026-11-29 12:34"}},
            }
        },
        "postgresql.cloudnativePg.recovery.targetTime",
        "RFC 3339",
    ),
]
