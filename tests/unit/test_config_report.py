"""Wrong config: one report that names every mistake and how to mend it, before anything is registered."""

import json
import re
from collections.abc import Mapping

import pytest

from components.base_settings import Problem
from settings import SECRET_KEYS, StackSettings
from stack_config.load import PROJECT, ConfigError, parse

from .recording import run

GOOD = {"kubeContext": "test"}


def report(values: Mapping[str, object], secret_keys: frozenset[str] = frozenset()) -> str:
    """The report on a config; fails when there is none."""
    texts = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in {**GOOD, **values}.items()
    }
    with pytest.raises(ConfigError) as error:
        parse(texts, {f"{PROJECT}:{key}" for key in secret_keys})
    return str(error.value)


CASES: list[tuple[str, Mapping[str, object], str, str]] = [
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
    ("a schedule that is none", {"backup": {"schedule": "every night"}}, "backup.schedule", "minute, hour"),
    ("Sunday as 7", {"backup": {"schedule": "0 3 * * 7"}}, "backup.schedule", "0 is Sunday"),
    ("a time zone that is none", {"backup": {"timeZone": "Local"}}, "backup.timeZone", "Etc/UTC"),
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
        "at least 256Mi",
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
        "too few masters for a vote",
        {"redis": {"topology": "cluster", "cluster": {"masters": 2}}},
        "redis.cluster.masters",
        "from 3 to 50",
    ),
    (
        "OAuth sessions in a store that knows no cluster",
        {"redis": {"topology": "cluster"}, "openWebui": {"env": {"ENABLE_STAR_SESSIONS_MIDDLEWARE": "True"}}},
        "openWebui.env.ENABLE_STAR_SESSIONS_MIDDLEWARE",
        "another topology",
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
    ("host that is no name", {"openWebui": {"host": "chat_example.com"}}, "openWebui.host", "chat.example.com"),
    (
        "TLS without host",
        {"openWebui": {"ingress": {"enabled": True, "tlsSecretName": "tls"}}},
        "openWebui.host",
        "a DNS host name",
    ),
    ("ingress without host", {"openWebui": {"ingress": {"enabled": True}}}, "openWebui.host", "a DNS host name"),
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
        {"openWebui": {"replicas": 20}},
        "postgresql.maxConnections",
        "at least 535",
    ),
    (
        "a model service without its key",
        {"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}},
        "openaiApiKey",
        "an encrypted value",
    ),
    (
        "a bucket without its keys",
        {"openWebui": {"uploads": {"kind": "s3", "s3": {"bucketName": "uploads"}}}},
        "s3SecretAccessKey",
        "an encrypted value",
    ),
    (
        "a bucket without a name",
        {"openWebui": {"uploads": {"kind": "s3"}}},
        "openWebui.uploads.s3.bucketName",
        "bucket",
    ),
    (
        "a volume that nothing uses",
        {"openWebui": {"uploads": {"volume": {"size": "5Gi"}}}},
        "openWebui.uploads.volume",
        "set kind to volume",
    ),
    (
        "a variable of the stack",
        {"openWebui": {"env": {"REDIS_URL": "redis://other"}}},
        "openWebui.env.REDIS_URL",
        "other keys",
    ),
    (
        "a variable that resets the others' settings",
        {"openWebui": {"env": {"RESET_CONFIG_ON_START": "true"}}},
        "openWebui.env.RESET_CONFIG_ON_START",
        "replicas do not disagree",
    ),
    (
        "a secret among the variables",
        {"openWebui": {"env": {"OAUTH_CLIENT_SECRET": "hunter2"}}},
        "openWebui.env.OAUTH_CLIENT_SECRET",
        "without secrets",
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
        "at least 256Mi",
    ),
]


@pytest.mark.parametrize(("values", "key", "hint"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_mistake_is_named_with_what_is_allowed_and_how_to_mend_it(
    values: Mapping[str, object], key: str, hint: str
) -> None:
    text = report(values)
    [finding] = [part for part in text.split("\n\n") if part.startswith(f"{key}: ")]
    assert hint in finding
    assert "  value:    " in finding
    assert re.search(r"mend: +pulumi config (set|rm) ", finding)
    assert "hunter2" not in text


def test_each_mistake_alone_is_one_problem() -> None:
    for name, values, *_ in CASES:
        expected = 2 if name == "a bucket without its keys" else 3 if name == "a bucket without name" else 1
        # The URL of an external Redis is a secret, and missing in all of these.
        expected += "redisCacheUrl: " in report(values)
        assert len(re.findall(r"^  allowed: ", report(values), re.MULTILINE)) == expected, name


def test_all_mistakes_come_in_one_report() -> None:
    text = report(
        {
            "redis": {"maxmemory": "2gb", "resources": {"limits": {"memory": "1Gi"}}, "persistence": True},
            "openWebui": {"replicas": 0, "ingress": {"stickySessions": True}},
            "protect": "maybe",
            "kubeContext": "",
        }
    )
    assert "has 6 problems; nothing was changed" in text
    for key in ("redis.maxmemory", "redis.persistence", "openWebui.replicas", "protect", "kubeContext"):
        assert f"\n\n{key}: " in text


@pytest.mark.parametrize("scale", [{"replicas": 50}, {"autoscaling": {"maxReplicas": 50}}])
def test_a_rule_between_components_does_not_hide_what_is_checked_after_it(scale: Mapping[str, object]) -> None:
    text = report({"openWebui": {**scale, "uploads": {"kind": "s3", "s3": {"bucketName": "uploads"}}}})
    for key in ("postgresql.maxConnections", "s3AccessKeyId", "s3SecretAccessKey"):
        assert f"\n\n{key}: " in text


def test_a_secret_in_plain_text_is_refused_and_not_repeated() -> None:
    text = report({"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}, "openaiApiKey": "sk-hunter2"})
    assert "openaiApiKey: a secret given in plain text" in text
    assert "pulumi config set --secret openaiApiKey" in text
    assert "hunter2" not in text


def test_a_secret_inside_an_object_is_refused_and_not_repeated() -> None:
    text = report({"redis": {"password": "hunter2"}})
    assert "redis.password: unknown key" in text
    assert "hunter2" not in text


def test_an_encrypted_setting_is_refused_since_it_would_be_shown() -> None:
    assert "namespace: encrypted, but it is no secret" in report({"namespace": "rag"}, frozenset({"namespace"}))


@pytest.mark.parametrize("key", ["namspace", "unheardOf", "openaiApiKy"])
def test_an_encrypted_value_of_an_unknown_key_is_not_repeated(key: str) -> None:
    text = report({key: "hunter2"}, frozenset({key}))
    assert f"{key}: unknown key" in text
    assert "hunter2" not in text


def test_an_encrypted_value_of_a_misspelt_project_is_not_repeated() -> None:
    values = {f"{PROJECT}:kubeContext": "test", "openwebui-stack:namespace": "hunter2"}
    with pytest.raises(ConfigError) as error:
        parse(values, {"openwebui-stack:namespace"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("nothing", ["", " "])
def test_a_secret_of_nothing_is_a_missing_one(nothing: str) -> None:
    values = {"openWebui": {"openaiApiBaseUrl": "https://api.openai.com/v1"}, "openaiApiKey": nothing}
    assert "\n\nopenaiApiKey: the secret openaiApiKey is missing" in report(values, frozenset({"openaiApiKey"}))


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_secret_that_nothing_uses_is_refused(key: str) -> None:
    text = report({key: "value"}, frozenset({key}))
    assert f"the secret {key} is set, but" in text
    assert "value:    [hidden]" in text


def test_a_key_with_a_dot_is_named_as_the_cli_takes_it_and_the_report_goes_on() -> None:
    text = report({"redis": {"resources.limits.memory": "1Gi"}, "openWebui": {"replicas": 0}})
    assert """redis["resources.limits.memory"]: unknown key""" in text
    assert """pulumi config rm --path 'redis["resources.limits.memory"]'""" in text
    assert "openWebui.replicas: " in text


def test_keys_of_other_projects_are_left_alone() -> None:
    values = {f"{PROJECT}:kubeContext": "test", "aws:region": "eu-central-1", "kubernetes:context": "x"}
    assert parse(values, set()).kube_context == "test"


def test_nothing_is_registered_when_the_config_is_wrong() -> None:
    with pytest.raises(ConfigError):
        run("dev", ["openWebui.replicas=0"])


def test_a_number_is_a_quantity_as_the_cli_writes_it() -> None:
    values = {"postgresql": {"resources": {"limits": {"cpu": 2}}}, "redis": {"maxmemory": 536870912}}
    settings = parse(
        {f"{PROJECT}:{k}": json.dumps(v) for k, v in values.items()} | {f"{PROJECT}:kubeContext": "x"}, set()
    )
    assert settings.postgresql.resources.limits.cpu == "2"
    assert settings.redis.memory_limit == "704Mi"


def test_a_rule_that_the_defaults_break_is_reported_and_does_not_go_on_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Problem(keys=("postgresql.maxConnections",), message="never right", allowed="nothing", example="1")
    monkeypatch.setattr(StackSettings, "problems", lambda _: iter([broken]))
    assert "postgresql.maxConnections: never right" in report({})
