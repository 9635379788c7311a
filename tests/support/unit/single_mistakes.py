"""Configs with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

from tests.support.unit.mistakes_in_backups import BACKUP_MISTAKES
from tests.support.unit.mistakes_in_exposure import EXPOSURE_MISTAKES
from tests.support.unit.mistakes_in_models import MODEL_MISTAKES
from tests.support.unit.mistakes_in_observability import OBSERVABILITY_MISTAKES
from tests.support.unit.mistakes_in_postgresql import POSTGRESQL_MISTAKES
from tests.support.unit.mistakes_in_servers import SERVER_MISTAKES
from tests.support.unit.mistakes_in_sign_in import SIGN_IN_MISTAKES
from tests.support.unit.mistakes_in_uploads import UPLOAD_MISTAKES

SINGLE_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    ("unknown key at the top", {"redsi": {}}, "redsi", "did you mean redis?"),
    ("key at the wrong depth", {"maxmemory": "1gb"}, "maxmemory", "did you mean redis.maxmemory?"),
    ("text for a number", {"openWebui": {"replicas": "two"}}, "openWebui.replicas", "integer from 1 to 100"),
    ("number for a switch", {"protect": "1"}, "protect", "boolean"),
    (
        "OAuth sessions in a store that knows no cluster",
        {"redis": {"topology": "cluster"}, "openWebui": {"env": {"ENABLE_STAR_SESSIONS_MIDDLEWARE": "True"}}},
        "openWebui.env.ENABLE_STAR_SESSIONS_MIDDLEWARE",
        "false, the default",
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
    *SERVER_MISTAKES,
    *EXPOSURE_MISTAKES,
    *SIGN_IN_MISTAKES,
    *BACKUP_MISTAKES,
    *UPLOAD_MISTAKES,
    *POSTGRESQL_MISTAKES,
    *MODEL_MISTAKES,
    *OBSERVABILITY_MISTAKES,
]
