"""Configs with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

from tests.support.unit.mistakes_in_exposure import EXPOSURE_MISTAKES
from tests.support.unit.mistakes_in_models import MODEL_MISTAKES
from tests.support.unit.mistakes_in_sign_in import SIGN_IN_MISTAKES
from tests.support.unit.mistakes_in_uploads import UPLOAD_MISTAKES

SINGLE_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    ("unknown key at the top", {"redsi": {}}, "redsi", "did you mean redis?"),
    ("unknown member", {"redis": {"maxmemry": "1gb"}}, "redis.maxmemry", "did you mean redis.maxmemory?"),
    (
        "unknown key three levels down",
        {"redis": {"resources": {"limits": {"memroy": "1Gi"}}}},
        "redis.resources.limits.memroy",
        "did you mean redis.resources.limits.memory?",
    ),
    ("key at the wrong depth", {"maxmemory": "1gb"}, "maxmemory", "did you mean redis.maxmemory?"),
    ("snake case", {"redis": {"maxmemory_policy": "noeviction"}}, "redis.maxmemory_policy", "maxmemoryPolicy"),
    ("text for a number", {"openWebui": {"replicas": "two"}}, "openWebui.replicas", "integer from 1 to 100"),
    ("number for a switch", {"protect": "1"}, "protect", "boolean"),
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
        "an external PostgreSQL beside the stack's own",
        {"postgresql": {"external": {"hosts": "10.0.0.1"}}},
        "postgresql.external",
        "topology: external",
    ),
    (
        "backups of an external PostgreSQL",
        {"postgresql": {"topology": "external", "external": {"hosts": "10.0.0.1"}}, "backup": {"enabled": True}},
        "backup.enabled",
        "its own operator",
    ),
    (
        "an authority of PostgreSQL that is none",
        {"postgresql": {"topology": "external", "external": {"hosts": "10.0.0.1", "certificateAuthority": "/ca.crt"}}},
        "postgresql.external.certificateAuthority",
        "BEGIN CERTIFICATE",
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
        "OAuth sessions in a store that knows no cluster",
        {"redis": {"topology": "cluster"}, "openWebui": {"env": {"ENABLE_STAR_SESSIONS_MIDDLEWARE": "True"}}},
        "openWebui.env.ENABLE_STAR_SESSIONS_MIDDLEWARE",
        "false, the default",
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
        "alerts without metrics",
        {"monitoring": {"operator": True}},
        "monitoring.operator",
        "enabled: true",
    ),
    (
        "request above limit",
        {"openWebui": {"resources": {"requests": {"memory": "3Gi"}}}},
        "openWebui.resources.requests.memory",
        "limits.memory (2Gi)",
    ),
    ("no replicas", {"openWebui": {"replicas": 0}}, "openWebui.replicas", "from 1 to 100"),
    ("negative replicas", {"openWebui": {"replicas": -2}}, "openWebui.replicas", "from 1 to 100"),
    (
        "one replica with a budget that blocks every drain",
        {"openWebui": {"replicas": 1, "maxUnavailable": 0}},
        "openWebui.maxUnavailable",
        "at least 1",
    ),
    (
        "a budget that lets a drain take every replica",
        {"openWebui": {"replicas": 3, "maxUnavailable": 3}},
        "openWebui.maxUnavailable",
        "from 1 to 2",
    ),
    ("namespace with capitals", {"namespace": "RAG"}, "namespace", "lower-case"),
    ("namespace of the system", {"namespace": "kube-system"}, "namespace", "kube-"),
    ("host with a scheme", {"openWebui": {"host": "https://chat.example.com"}}, "openWebui.host", "without scheme"),
    ("host that is not a name", {"openWebui": {"host": "chat_example.com"}}, "openWebui.host", "chat.example.com"),
    (
        "TLS without host",
        {"openWebui": {"ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "tls"}}},
        "openWebui.host",
        "a DNS host name",
    ),
    (
        "ingress without host",
        {"openWebui": {"ingress": {"enabled": True, "className": "nginx"}}},
        "openWebui.host",
        "a DNS host name",
    ),
    (
        "an Ingress of the cluster's default class",
        {"openWebui": {"host": "chat.example.com", "ingress": {"enabled": True}}},
        "openWebui.ingress.controller",
        "controllerNamespace",
    ),
    (
        "an Ingress of an unknown class",
        {"openWebui": {"host": "chat.example.com", "ingress": {"enabled": True, "className": "internal"}}},
        "openWebui.ingress.controller",
        "controllerNamespace",
    ),
    (
        "Traefik's class and the namespace of ingress-nginx",
        {
            "openWebui": {
                "host": "chat.example.com",
                "ingress": {"enabled": True, "className": "traefik", "controllerNamespace": "ingress-nginx"},
            }
        },
        "openWebui.ingress.controllerNamespace",
        "the namespace of the controller that serves the class",
    ),
    (
        "a load balancer of AWS without its subnets",
        {"openWebui": {"host": "chat.example.com", "ingress": {"enabled": True, "className": "alb"}}},
        "openWebui.ingress.allowedCidrs",
        "the addresses that it connects from",
    ),
    (
        "sticky sessions of a controller that has none by annotation",
        {
            "openWebui": {
                "host": "chat.example.com",
                "ingress": {"enabled": True, "className": "cilium", "stickySessions": True},
            }
        },
        "openWebui.ingress.stickySessions",
        "its own annotations",
    ),
    (
        "labels of pods in no namespace",
        {"openWebui": {"ingress": {"controllerLabels": {"app": "gateway"}}}},
        "openWebui.ingress.controllerLabels",
        "both, or neither",
    ),
    (
        "addresses with bits beyond the prefix",
        {"openWebui": {"ingress": {"allowedCidrs": ["10.1.2.3/8"]}}},
        "openWebui.ingress.allowedCidrs[0]",
        "10.0.0.0/8",
    ),
    (
        "every address",
        {"openWebui": {"ingress": {"allowedCidrs": ["10.0.0.0/8", "0.0.0.0/0"]}}},
        "openWebui.ingress.allowedCidrs[1]",
        "the ranges that are needed",
    ),
    (
        "one address for a list",
        {"openWebui": {"ingress": {"allowedCidrs": "10.0.0.0/8"}}},
        "openWebui.ingress.allowedCidrs",
        "list of strings",
    ),
    ("an egress without a port", {"openWebui": {"egress": ["llm.example.com"]}}, "openWebui.egress[0]", "host:port"),
    ("a URL as an egress", {"openWebui": {"egress": ["https://llm.example.com"]}}, "openWebui.egress[0]", "no scheme"),
    (
        "an egress target with bits beyond the prefix",
        {"openWebui": {"egress": ["[fd00:20::1/48]:443"]}},
        "openWebui.egress[0]",
        "fd00:20::/48",
    ),
    ("an egress to every address", {"openWebui": {"egress": ["0.0.0.0/0:443"]}}, "openWebui.egress[0]", "needed"),
    ("a private name as an egress target", {"openWebui": {"egress": ["llm.corp:443"]}}, "openWebui.egress", "CIDR:443"),
    (
        "a model service with a private name",
        {"openWebui": {"ollamaBaseUrl": "http://gpu.lan:11434"}},
        "openWebui.egress",
        "CIDR:11434",
    ),
    (
        "a service with a private name",
        {"openWebui": {"env": {"SEARXNG_QUERY_URL": "https://search.corp"}}},
        "openWebui.egress",
        "CIDR:443",
    ),
    ("further hosts without one", {"openWebui": {"additionalHosts": ["b.example.com"]}}, "openWebui.host", "host name"),
    ("a scheme without host", {"openWebui": {"publicScheme": "https"}}, "openWebui.host", "a DNS host name"),
    ("a port without host", {"openWebui": {"publicPort": 8443}}, "openWebui.host", "a DNS host name"),
    (
        "plain HTTP with a certificate",
        {
            "openWebui": {
                "host": "a.example.com",
                "publicScheme": "http",
                "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "tls"},
            }
        },
        "openWebui.publicScheme",
        "https",
    ),
    ("the latest Pod Security", {"podSecurityVersion": "latest"}, "podSecurityVersion", "not latest"),
    ("Pod Security of an old release", {"podSecurityVersion": "v1.29"}, "podSecurityVersion", "at least 30"),
    ("a DNS server without its prefix", {"dns": {"cidrs": ["10.96.0.10"]}}, "dns.cidrs[0]", "prefix length"),
    (
        "sticky sessions without ingress",
        {"openWebui": {"ingress": {"stickySessions": True}}},
        "openWebui.ingress.stickySessions",
        "enabled: true",
    ),
    (
        "replicas beside autoscaling",
        {"openWebui": {"replicas": 3, "autoscaling": {}}},
        "openWebui.replicas",
        "either replicas or autoscaling",
    ),
    (
        "fewer at most than at least",
        {"openWebui": {"autoscaling": {"minReplicas": 7}}},
        "openWebui.autoscaling.maxReplicas",
        "at least minReplicas (7)",
    ),
    (
        "more connections than the database accepts",
        {"openWebui": {"replicas": 20}, "postgresql": {"resources": {"limits": {"memory": "8Gi"}}}},
        "postgresql.maxConnections",
        "at least 985",
    ),
    (
        "a model service without its key",
        {"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}},
        "openaiApiKey",
        "an encrypted value",
    ),
    (
        "a variable of the stack",
        {"openWebui": {"env": {"REDIS_URL": "redis://other"}}},
        "openWebui.env.REDIS_URL",
        "a change of redis.topology",
    ),
    (
        "a variable that resets the others' settings",
        {"openWebui": {"env": {"RESET_CONFIG_ON_START": "true"}}},
        "openWebui.env.RESET_CONFIG_ON_START",
        "false, the default",
    ),
    (
        "a secret among the variables",
        {"openWebui": {"env": {"OAUTH_CLIENT_SECRET": "hunter2"}}},
        "openWebui.env.OAUTH_CLIENT_SECRET",
        "pulumi config set --secret OAUTH_CLIENT_SECRET",
    ),
    (
        "a URL with a password",
        {"openWebui": {"ollamaBaseUrl": "http://user:hunter2@ollama:11434"}},
        "openWebui.ollamaBaseUrl",
        "without user and password",
    ),
    ("no context", {"kubeContext": ""}, "kubeContext", "get-contexts"),
    (
        "too little memory for the database",
        {"postgresql": {"resources": {"limits": {"memory": "64Mi"}}}},
        "postgresql.resources.limits.memory",
        "at least 2016Mi, or fewer connections",
    ),
    *EXPOSURE_MISTAKES,
    *SIGN_IN_MISTAKES,
    *UPLOAD_MISTAKES,
    *MODEL_MISTAKES,
]
