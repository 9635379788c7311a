"""What the keys of Redis, PostgreSQL and the backups do."""

from tests.support.unit.effects import (
    BACKUP,
    Effect,
    amounts,
    authority_volume,
    backup_variable,
    conf,
    egress_to_addresses,
    inputs,
    line,
    resources,
    set_up_environment,
    variable,
)

EXTERNAL = ("redis.topology=external", "redis.external.hosts=10.9.8.7")

EXTERNAL_SECRETS = {"redisCacheUrl": "redis://a:b@10.9.8.7:6379/0"}

DATABASE = ("postgresql.topology=external", "postgresql.external.hosts=10.9.8.7")

DATABASE_SECRETS = {"databaseUrl": "postgresql://a:b@10.9.8.7:5432/chats"}

EDGES = ("NetworkPolicy", "open-webui", "spec", "egress")

CLUSTER = ("redis.topology=cluster",)

EFFECTS: dict[str, Effect] = {
    "redis.topology": Effect(value="sentinel", shows=inputs("StatefulSet", "redis", "spec", "replicas"), expected=3),
    "redis.engine": Effect(
        value="valkey",
        shows=lambda r: (r.containers["redis/redis"]["image"], r.containers["redis/redis"]["command"][0]),
        expected=("valkey/valkey:8.1-alpine", "valkey-server"),
    ),
    "redis.durability": Effect(
        value="container",
        shows=lambda r: (r.pods["redis"]["volumes"][-1], "appendonly yes" in conf("redis-conf", "redis.conf")(r)),
        expected=({"name": "data", "emptyDir": {"sizeLimit": "2048Mi"}}, True),
    ),
    "redis.sentinel.downAfterSeconds": Effect(
        value="9",
        sets=("redis.topology=sentinel",),
        shows=lambda r: next(
            v["value"] for v in r.containers["redis/sentinel"]["env"] if v["name"] == "DOWN_AFTER_MILLISECONDS"
        ),
        expected="9000",
    ),
    "redis.cluster.masters": Effect(
        value="5",
        sets=CLUSTER,
        shows=lambda r: (
            r.one("StatefulSet", "redis").inputs["spec"]["replicas"],
            [v["value"] for v in set_up_environment(r) if v["name"] == "MASTERS"],
        ),
        expected=(10, ["5"]),
    ),
    "redis.cluster.replicasPerMaster": Effect(
        value="2",
        sets=CLUSTER,
        shows=lambda r: (
            r.one("StatefulSet", "redis").inputs["spec"]["replicas"],
            line("redis-conf", "redis.conf", "min-replicas-to-write 1")(r),
        ),
        expected=(9, True),
    ),
    "redis.cluster.nodeTimeoutSeconds": Effect(
        value="7",
        sets=CLUSTER,
        shows=line("redis-conf", "redis.conf", "cluster-node-timeout 7000"),
        expected=True,
    ),
    "redis.tls.secretName": Effect(
        value="certificate-of-redis",
        shows=lambda r: [
            v["secret"]["secretName"]
            for pod in ("redis", "open-webui")
            for v in r.pods[pod]["volumes"]
            if v["name"] in ("tls", "redis-ca")
        ],
        expected=["certificate-of-redis", "certificate-of-redis"],
    ),
    "redis.tls.issuer.name": Effect(
        value="internal",
        shows=inputs("Certificate", "redis-certificate", "spec", "issuerRef", "name"),
        expected="internal",
    ),
    "redis.tls.issuer.kind": Effect(
        value="Issuer",
        sets=("redis.tls.issuer.name=internal",),
        shows=inputs("Certificate", "redis-certificate", "spec", "issuerRef", "kind"),
        expected="Issuer",
    ),
    "redis.external.kind": Effect(
        value="cluster",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: (variable("REDIS_CLUSTER")(r), variable("WEBSOCKET_REDIS_CLUSTER")(r)),
        expected=("true", "true"),
    ),
    "redis.external.hosts": Effect(
        value="10.1.1.1",
        sets=EXTERNAL,
        secrets={"redisCacheUrl": "redis://a:b@10.1.1.1:6379/0"},
        shows=inputs(*EDGES, 0, "to", 0, "ipBlock", "cidr"),
        expected="10.1.1.1/32",
    ),
    "redis.external.port": Effect(
        value="6380",
        sets=EXTERNAL,
        secrets={"redisCacheUrl": "redis://a:b@10.9.8.7:6380/0"},
        shows=inputs(*EDGES, 0, "ports", 0, "port"),
        expected=6380,
    ),
    "redis.external.sentinelHosts": Effect(
        value="10.2.2.2",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: (variable("REDIS_SENTINEL_HOSTS")(r), variable("WEBSOCKET_SENTINEL_HOSTS")(r)),
        expected=("10.2.2.2", "10.2.2.2"),
    ),
    "redis.external.sentinelPort": Effect(
        value="26380",
        sets=(*EXTERNAL, "redis.external.sentinelHosts=10.2.2.2"),
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: (variable("WEBSOCKET_SENTINEL_PORT")(r), inputs(*EDGES, 1, "ports", 0, "port")(r)),
        expected=("26380", 26380),
    ),
    "postgresql.topology": Effect(
        value="external",
        sets=("postgresql.external.hosts=10.9.8.7",),
        secrets=DATABASE_SECRETS,
        shows=lambda r: (set(r.pods) & {"postgres"}, r.outputs["database_url"]),
        expected=(set(), (DATABASE_SECRETS["databaseUrl"], True)),
    ),
    "postgresql.external.hosts": Effect(
        value="10.1.1.1",
        sets=DATABASE,
        secrets={"databaseUrl": "postgresql://a:b@10.1.1.1/chats"},
        shows=lambda r: egress_to_addresses(r, 5432),
        expected=["10.1.1.1/32"],
    ),
    "postgresql.external.port": Effect(
        value="6432",
        sets=DATABASE,
        secrets={"databaseUrl": "postgresql://a:b@10.9.8.7:6432/chats"},
        shows=lambda r: egress_to_addresses(r, 6432),
        expected=["10.9.8.7/32"],
    ),
    "postgresql.external.certificateAuthority": Effect(
        value="-----BEGIN CERTIFICATE-----",
        sets=DATABASE,
        secrets=DATABASE_SECRETS,
        shows=lambda r: (
            r.one("Secret", "postgresql-ca").plain("stringData", "ca.crt"),
            r.one("Secret", "postgresql-secret").plain("stringData", "database-url"),
        ),
        expected=(
            "-----BEGIN CERTIFICATE-----",
            f"{DATABASE_SECRETS['databaseUrl']}?sslmode=verify-full&sslrootcert=/etc/postgresql-ca/ca.crt",
        ),
    ),
    "postgresql.external.certificateAuthoritySecret": Effect(
        value="postgres-ca",
        sets=DATABASE,
        secrets=DATABASE_SECRETS,
        shows=lambda r: (
            authority_volume(r, "postgresql-ca"),
            [o.name for o in r.objects if o.name == "postgresql-ca"],
        ),
        expected=("postgres-ca", []),
    ),
    "databaseUrl": Effect(
        value="",
        sets=DATABASE,
        secrets=DATABASE_SECRETS,
        shows=lambda r: r.one("Secret", "postgresql-secret").plain("stringData", "client-url"),
        expected=f"{DATABASE_SECRETS['databaseUrl']}?sslmode=verify-full&sslrootcert=/etc/postgresql-ca/ca.crt"
        "&connect_timeout=5&keepalives_idle=10&keepalives_interval=5"
        "&keepalives_count=3&tcp_user_timeout=15000",
    ),
    "redis.external.certificateAuthority": Effect(
        value="-----BEGIN CERTIFICATE-----",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: (
            r.one("Secret", "redis-ca").plain("stringData", "ca.crt"),
            r.one("Secret", "redis-config").plain("stringData", "cache-url"),
        ),
        expected=(
            "-----BEGIN CERTIFICATE-----",
            f"{EXTERNAL_SECRETS['redisCacheUrl']}?ssl_ca_certs=/etc/redis-ca/ca.crt",
        ),
    ),
    "redis.external.certificateAuthoritySecret": Effect(
        value="redis-tls",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: (
            authority_volume(r, "redis-ca"),
            r.one("Secret", "redis-config").plain("stringData", "cache-url"),
        ),
        expected=("redis-tls", f"{EXTERNAL_SECRETS['redisCacheUrl']}?ssl_ca_certs=/etc/redis-ca/ca.crt"),
    ),
    "redisCacheUrl": Effect(
        value="",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=lambda r: r.outputs["redis_websocket_url"],
        expected=(EXTERNAL_SECRETS["redisCacheUrl"], True),
    ),
    "redisWebsocketUrl": Effect(
        value="",
        sets=EXTERNAL,
        secrets={**EXTERNAL_SECRETS, "redisWebsocketUrl": "redis://c:d@10.9.8.7:6379/1"},
        shows=lambda r: (r.outputs["redis_cache_url"][0], r.outputs["redis_websocket_url"][0]),
        expected=(EXTERNAL_SECRETS["redisCacheUrl"], "redis://c:d@10.9.8.7:6379/1"),
    ),
    "redis.storage.size": Effect(
        value="9Gi",
        sets=("redis.durability=volume",),
        shows=inputs("PersistentVolumeClaim", "redis-data", "spec", "resources", "requests", "storage"),
        expected="9Gi",
    ),
    "redis.storage.className": Effect(
        value="fast",
        sets=("redis.durability=volume",),
        shows=inputs("PersistentVolumeClaim", "redis-data", "spec", "storageClassName"),
        expected="fast",
    ),
    "redis.image": Effect(
        value="mirror/redis:7.4", shows=lambda r: r.containers["redis/redis"]["image"], expected="mirror/redis:7.4"
    ),
    "redis.maxmemory": Effect(value="1gb", shows=resources("redis/redis", "limits", "memory"), expected="1408Mi"),
    "redis.maxmemoryPolicy": Effect(
        value="noeviction", shows=line("redis-conf", "redis.conf", "maxmemory-policy noeviction"), expected=True
    ),
    **amounts("redis", "redis/redis"),
    "postgresql.image": Effect(
        value="mirror/pg:17", shows=lambda r: r.containers["postgres/postgres"]["image"], expected="mirror/pg:17"
    ),
    "postgresql.storage.size": Effect(
        value="7Gi",
        shows=inputs("PersistentVolumeClaim", "postgres-data", "spec", "resources", "requests", "storage"),
        expected="7Gi",
    ),
    "postgresql.storage.className": Effect(
        value="fast",
        shows=inputs("PersistentVolumeClaim", "postgres-data", "spec", "storageClassName"),
        expected="fast",
    ),
    **amounts("postgresql", "postgres/postgres"),
    "postgresql.maxConnections": Effect(
        value="321", shows=line("postgres-conf", "postgresql.conf", "max_connections = 321"), expected=True
    ),
    "backup.enabled": Effect(
        value="true", shows=inputs("CronJob", "postgres-backup", "spec", "concurrencyPolicy"), expected="Forbid"
    ),
    "backup.schedule": Effect(
        value="5 4 * * sun",
        sets=BACKUP,
        shows=inputs("CronJob", "postgres-backup", "spec", "schedule"),
        expected="5 4 * * sun",
    ),
    "backup.timeZone": Effect(
        value="Europe/Berlin",
        sets=BACKUP,
        shows=inputs("CronJob", "postgres-backup", "spec", "timeZone"),
        expected="Europe/Berlin",
    ),
    "backup.keep": Effect(value="3", sets=BACKUP, shows=backup_variable("KEEP"), expected="3"),
    "backup.storage.size": Effect(
        value="6Gi",
        sets=BACKUP,
        shows=inputs("PersistentVolumeClaim", "postgres-backups", "spec", "resources", "requests", "storage"),
        expected="6Gi",
    ),
    "backup.storage.className": Effect(
        value="slow",
        sets=BACKUP,
        shows=inputs("PersistentVolumeClaim", "postgres-backups", "spec", "storageClassName"),
        expected="slow",
    ),
    **amounts("backup", "postgres-backup/backup"),
}
