"""What the keys of PgBouncer do, in a topology that the stack runs it for."""

from tests.support.unit.effects import Effect, inputs, line

# In session mode each pod has room for all clients.
_ROOM = ("postgresql.maxConnections=1200", "postgresql.resources.limits.memory=8Gi")
ON = ("postgresql.pooler.enabled=true", *_ROOM)

EFFECTS: dict[str, Effect] = {
    "postgresql.pooler.enabled": Effect(
        value="true",
        sets=_ROOM,
        shows=inputs("Service", "postgres-pooler", "spec", "selector", "app"),
        expected="postgres-pooler",
    ),
    "postgresql.pooler.instances": Effect(
        value="3",
        sets=ON,
        shows=inputs("Deployment", "postgres-pooler", "spec", "replicas"),
        expected=3,
    ),
    "postgresql.pooler.mode": Effect(
        value="transaction",
        sets=ON,
        shows=line("postgres-pooler", "pgbouncer.ini", "pool_mode = transaction"),
        expected=True,
    ),
    "postgresql.pooler.image": Effect(
        value="registry.example.com/pgbouncer:1.25.2",
        sets=ON,
        shows=inputs("Deployment", "postgres-pooler", "spec", "template", "spec", "containers", 0, "image"),
        expected="registry.example.com/pgbouncer:1.25.2",
    ),
    "postgresql.pooler.exporterImage": Effect(
        value="mirror/pgbouncer-exporter:v0.12.1",
        sets=(*ON, "monitoring.enabled=true"),
        shows=lambda r: r.containers["postgres-pooler/exporter"]["image"],
        expected="mirror/pgbouncer-exporter:v0.12.1",
    ),
}
