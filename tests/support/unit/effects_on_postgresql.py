"""What the keys of PostgreSQL's TLS and of its upgrades do."""

from tests.support.unit.effects import Effect, inputs
from tests.support.unit.recording import Recording

UPGRADED = "pgvector/pgvector:pg18"


def _tls_secrets(recording: Recording) -> list[str]:
    return [
        volume["secret"]["secretName"]
        for pod in ("postgres", "open-webui", "open-webui-preflight", "postgres-backup")
        for volume in recording.every_pod[pod]["volumes"]
        if volume["name"] in ("tls", "postgresql-ca")
    ]


EFFECTS: dict[str, Effect] = {
    "postgresql.tls.secretName": Effect(
        value="certificate-of-postgres",
        sets=("backup.enabled=true",),
        shows=_tls_secrets,
        expected=["certificate-of-postgres"] * 4,
    ),
    "postgresql.tls.issuer.name": Effect(
        value="internal",
        shows=inputs("Certificate", "postgresql-certificate", "spec", "issuerRef", "name"),
        expected="internal",
    ),
    "postgresql.tls.issuer.kind": Effect(
        value="Issuer",
        sets=("postgresql.tls.issuer.name=internal",),
        shows=inputs("Certificate", "postgresql-certificate", "spec", "issuerRef", "kind"),
        expected="Issuer",
    ),
    "postgresql.upgrade.fromImage": Effect(
        value="pgvector/pgvector:pg17-trixie",
        sets=(f"postgresql.image={UPGRADED}",),
        shows=lambda r: [
            (container["name"], container["image"]) for container in r.pods["postgres"]["initContainers"][:2]
        ],
        expected=[("dump", "pgvector/pgvector:pg17-trixie"), ("prepare", UPGRADED)],
    ),
    "postgresql.upgrade.undo": Effect(
        value="18",
        shows=lambda r: [v["value"] for v in r.containers["postgres/prepare"]["env"] if v["name"] == "UPGRADE_UNDO"],
        expected=["18"],
    ),
}
