"""Configs with one error each in Redis, PostgreSQL or the backups."""

from collections.abc import Mapping

CLOUDNATIVE_PG = {"topology": "cloudnative-pg", "resources": {"limits": {"memory": "3Gi"}}}

SERVER_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    ("unknown member", {"redis": {"maxmemry": "1gb"}}, "redis.maxmemry", "did you mean redis.maxmemory?"),
    (
        "unknown key three levels down",
        {"redis": {"resources": {"limits": {"memroy": "1Gi"}}}},
        "redis.resources.limits.memroy",
        "did you mean redis.resources.limits.memory?",
    ),
    ("snake case", {"redis": {"maxmemory_policy": "noeviction"}}, "redis.maxmemory_policy", "maxmemoryPolicy"),
    ("text for an object", {"redis": "big"}, "redis", "object"),
    ("list for an object", {"redis": [1]}, "redis", "object"),
    ("object for text", {"redis": {"image": {"name": "redis"}}}, "redis.image", "string"),
    ("not one of the values", {"redis": {"maxmemoryPolicy": "lru"}}, "redis.maxmemoryPolicy", "noeviction"),
    ("unit that does not exist", {"postgresql": {"storage": {"size": "10Gb"}}}, "postgresql.storage.size", "10Gi"),
    ("negative quantity", {"redis": {"resources": {"limits": {"cpu": "-1"}}}}, "redis.resources.limits.cpu", "500m"),
    ("memory size of Kubernetes for Redis", {"redis": {"maxmemory": "1Gi"}}, "redis.maxmemory", "512mb"),
    (
        "maxmemory above 75 % of an explicit limit",
        {"redis": {"maxmemory": "800mb", "resources": {"limits": {"memory": "1Gi"}}}},
        "redis.maxmemory",
        "768mb",
    ),
    (
        "maxmemory above half of an explicit limit with a file",
        {"redis": {"durability": "volume", "resources": {"limits": {"memory": "1Gi"}}, "maxmemory": "600mb"}},
        "redis.maxmemory",
        "512mb",
    ),
    (
        "a limit that is too small for the events of any Redis",
        {"redis": {"maxmemory": "16mb", "resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}}},
        "redis.resources.limits.memory",
        "192Mi",
    ),
    ("an invalid schedule", {"backup": {"schedule": "every night"}}, "backup.schedule", "minute, hour"),
    ("Sunday as 7", {"backup": {"schedule": "0 3 * * 7"}}, "backup.schedule", "0 is Sunday"),
    ("an invalid time zone", {"backup": {"timeZone": "Local"}}, "backup.timeZone", "Etc/UTC"),
    ("no dump to keep", {"backup": {"keep": 0}}, "backup.keep", "integer from 1 to 366"),
    (
        "backups on less than the database's volume",
        {"backup": {"storage": {"size": "5Gi"}}, "postgresql": {"storage": {"size": "20Gi"}}},
        "backup.storage.size",
        "at least 20Gi",
    ),
    (
        "too little memory for a restored copy",
        {"backup": {"resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}}},
        "backup.resources.limits.memory",
        "at least 368Mi",
    ),
    (
        "a volume that the file would fill",
        {"redis": {"durability": "volume", "storage": {"size": "1Gi"}}},
        "redis.storage.size",
        "2048Mi",
    ),
    (
        "a volume for a Redis that keeps nothing",
        {"redis": {"storage": {"size": "8Gi"}}},
        "redis.storage",
        "durability: volume",
    ),
    (
        "Sentinels without their topology",
        {"redis": {"sentinel": {"downAfterSeconds": 3}}},
        "redis.sentinel",
        "topology: sentinel",
    ),
    (
        "an external PostgreSQL that is nowhere",
        {"postgresql": {"topology": "external"}},
        "postgresql.external.hosts",
        "with commas",
    ),
    (
        "an archive without a bucket",
        {"postgresql": {"archive": {"enabled": True}}},
        "postgresql.archive.s3.bucket",
        "existing bucket",
    ),
    (
        "an archive that may fill the volume",
        {"postgresql": {"archive": {"enabled": True, "s3": {"bucket": "backups"}, "pendingLimit": "9Gi"}}},
        "postgresql.archive.pendingLimit",
        "half of storage.size",
    ),
    (
        "the archive of an external PostgreSQL",
        {"postgresql": {"topology": "external", "external": {"hosts": "10.0.0.1"}, "archive": {"enabled": True}}},
        "postgresql.archive.enabled",
        "topology standalone",
    ),
    (
        "a log that crosses the network in plain text",
        {"postgresql": {"archive": {"enabled": True, "s3": {"bucket": "log", "endpointUrl": "http://10.0.0.9:9000"}}}},
        "postgresql.archive.s3.endpointUrl",
        "http with a Service of the cluster",
    ),
    (
        "a region of an archive that is off",
        {"postgresql": {"archive": {"s3": {"region": "eu-central-1"}}}},
        "postgresql.archive.s3.region",
        "nothing is copied to any bucket",
    ),
    (
        "AWS KMS of the archive without a key",
        {"postgresql": {"archive": {"enabled": True, "s3": {"bucket": "log", "encryption": "sse-kms"}}}},
        "postgresql.archive.s3.encryption",
        "kmsKeyId",
    ),
    (
        "the role of a server that the stack does not run",
        {
            "postgresql": {
                "topology": "external",
                "external": {"hosts": "10.0.0.1"},
                "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/log"}},
            }
        },
        "postgresql.serviceAccount",
        "topology: standalone",
    ),
    (
        "a bucket with a name that only a private network has",
        {
            "postgresql": {
                "archive": {"enabled": True, "s3": {"bucket": "backups", "endpointUrl": "https://s3.corp.internal"}}
            }
        },
        "postgresql.archive.s3.egress",
        "CIDR:443",
    ),
    (
        "an external PostgreSQL beside the stack's own",
        {"postgresql": {"external": {"hosts": "10.0.0.1"}}},
        "postgresql.external",
        "topology: external",
    ),
    (
        "backups of an external PostgreSQL without the size of their volume",
        {"postgresql": {"topology": "external", "external": {"hosts": "10.0.0.1"}}, "backup": {"enabled": True}},
        "backup.storage.size",
        "the size of an external database",
    ),
    (
        "a path for the authority of PostgreSQL",
        {"postgresql": {"topology": "external", "external": {"hosts": "10.0.0.1", "certificateAuthority": "/ca.crt"}}},
        "postgresql.external.certificateAuthority",
        "BEGIN CERTIFICATE",
    ),
    (
        "a cluster of CloudNativePG without its topology",
        {"postgresql": {"cloudnativePg": {"instances": 2}}},
        "postgresql.cloudnativePg",
        "topology: cloudnative-pg",
    ),
    (
        "more synchronous replicas than there are",
        {"postgresql": {**CLOUDNATIVE_PG, "cloudnativePg": {"instances": 2, "synchronous": {"replicas": 2}}}},
        "postgresql.cloudnativePg.synchronous.replicas",
        "0 to 1",
    ),
    (
        "an image that CloudNativePG does not know the version of",
        {"postgresql": {**CLOUDNATIVE_PG, "cloudnativePg": {"image": "pgvector/pgvector:pg17"}}},
        "postgresql.cloudnativePg.image",
        "an image for CloudNativePG",
    ),
    (
        "instances of a PgBouncer that is not there",
        {"postgresql": {"pooler": {"instances": 3}}},
        "postgresql.pooler.instances",
        "enabled: true",
    ),
    (
        "a field of pods that a Cluster lacks",
        {"postgresql": {**CLOUDNATIVE_PG, "pods": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}}},
        "postgresql.pods.hostAliases",
        "topology: standalone",
    ),
    ("an external Redis that is nowhere", {"redis": {"topology": "external"}}, "redis.external.hosts", "with commas"),
    (
        "an external Redis by URL",
        {"redis": {"topology": "external", "external": {"hosts": "redis://a"}}},
        "redis.external.hosts",
        "without scheme",
    ),
    (
        "the Redis of another install",
        {"redis": {"topology": "external", "external": {"hosts": "10.0.0.1, redis-service.other.svc"}}},
        "redis.external.hosts",
        "of its own",
    ),
    (
        "the Sentinels of another install",
        {
            "redis": {
                "topology": "external",
                "external": {"hosts": "10.0.0.1", "sentinelHosts": "redis-0.redis-nodes.b"},
            }
        },
        "redis.external.sentinelHosts",
        "of its own",
    ),
    (
        "durability of a Redis that is not deployed",
        {"redis": {"topology": "external", "external": {"hosts": "redis.example.com"}, "durability": "volume"}},
        "redis.durability",
        "another topology",
    ),
    (
        "TLS that Open WebUI would drop",
        {
            "redis": {
                "topology": "external",
                "external": {
                    "hosts": "10.0.0.1",
                    "sentinelHosts": "10.0.0.2",
                    "certificateAuthority": "-----BEGIN CERTIFICATE-----",
                },
            }
        },
        "redis.external.certificateAuthority",
        "TLS without Sentinels",
    ),
    (
        "an external Redis beside the stack's own",
        {"redis": {"external": {"hosts": "redis.example.com"}}},
        "redis.external",
        "topology: external",
    ),
    ("a cluster of one server", {"redis": {"cluster": {"masters": 3}}}, "redis.cluster", "topology: cluster"),
    (
        "too few primaries for a vote",
        {"redis": {"topology": "cluster", "cluster": {"masters": 2}}},
        "redis.cluster.masters",
        "from 3 to 50",
    ),
    (
        "TLS that Open WebUI would drop at the Sentinels",
        {"redis": {"topology": "sentinel", "tls": {"secretName": "redis-tls"}}},
        "redis.tls",
        "topology: standalone or cluster",
    ),
    (
        "TLS of servers that are not the stack's",
        {"redis": {"topology": "external", "external": {"hosts": "10.0.0.1"}, "tls": {"secretName": "redis-tls"}}},
        "redis.tls",
        "topology: standalone or cluster",
    ),
    (
        "two certificates",
        {"redis": {"tls": {"secretName": "redis-tls", "issuer": {"name": "internal"}}}},
        "redis.tls.secretName",
        "one of them",
    ),
    (
        "a certificate from an issuer without name",
        {"redis": {"tls": {"issuer": {"kind": "Issuer"}}}},
        "redis.tls.issuer.kind",
        "name of an issuer",
    ),
    (
        "a Secret with a wrong name",
        {"redis": {"tls": {"secretName": "Redis_TLS"}}},
        "redis.tls.secretName",
        "lower-case",
    ),
    (
        "too little memory for the database",
        {"postgresql": {"resources": {"limits": {"memory": "64Mi"}}}},
        "postgresql.resources.limits.memory",
        "at least 2016Mi, or fewer connections",
    ),
    (
        "clients that are every pod of the stack",
        {"redis": {"clients": [{"podLabels": {"app": "reports"}}, {}]}},
        "redis.clients[1].namespace",
        "neither namespace nor podLabels",
    ),
    (
        "clients that the servers send names which they cannot resolve",
        {"redis": {"topology": "sentinel", "clients": [{"namespace": "analytics"}]}},
        "redis.clients",
        "only pods of the stack's namespace resolve these",
    ),
    (
        "clients of an external Redis",
        {
            "redis": {
                "topology": "external",
                "external": {"hosts": "10.0.0.1"},
                "clients": [{"podLabels": {"app": "reports"}}],
            }
        },
        "redis.clients",
        "no clients, or another topology",
    ),
    (
        "clients of an external PostgreSQL",
        {
            "postgresql": {
                "topology": "external",
                "external": {"hosts": "10.0.0.1"},
                "clients": [{"namespace": "analytics"}],
            }
        },
        "postgresql.clients",
        "no clients, or another topology",
    ),
    (
        "a client in no namespace",
        {"postgresql": {"clients": [{"namespace": "Analytics"}]}},
        "postgresql.clients[0].namespace",
        "lower-case",
    ),
    (
        "two authorities of one server",
        {
            "postgresql": {
                "topology": "external",
                "external": {
                    "hosts": "10.0.0.1",
                    "certificateAuthority": "-----BEGIN CERTIFICATE-----",
                    "certificateAuthoritySecret": "database-ca",
                },
            }
        },
        "postgresql.external.certificateAuthoritySecret",
        "one of them",
    ),
    (
        "an authority in a Secret that Open WebUI would not read",
        {
            "redis": {
                "topology": "external",
                "external": {
                    "hosts": "10.0.0.1",
                    "sentinelHosts": "10.0.0.2",
                    "certificateAuthoritySecret": "redis-tls",
                },
            }
        },
        "redis.external.certificateAuthoritySecret",
        "TLS without Sentinels",
    ),
]
