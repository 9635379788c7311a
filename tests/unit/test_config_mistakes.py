"""Common errors as people write them into a stack file, and the report that they get."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_config.files import ROOT, StackFileError, read_stack
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.config_reports import all_encrypted, apply_fixes
from tests.support.unit.single_mistakes import SINGLE_MISTAKES
from tests.support.unit.spellings import SPELLINGS
from tests.support.unit.uploads_in_pods import accepted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the stack's own Pulumi.yaml and no environment yet."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path


def check(root: Path, text: str, *sets: str) -> None:
    """Check a stack file, members of `config:` with the project's name left out, as `make` does it."""
    (root / "Pulumi.test.yaml").write_text(f"config:\n{text}\n")
    config = read_stack("test", [] if "kubeContext" in text else ["kubeContext=test", *sets], root)
    parse(accepted(config.values), config.secret_keys)


def findings(root: Path, text: str, *sets: str) -> dict[str, str]:
    """The report on a stack file by key."""
    with pytest.raises(ConfigError) as error:
        check(root, text, *sets)
    _, *parts, _ = str(error.value).split("\n\n")
    return {part.partition(": ")[0]: part for part in parts}


def web(text: str) -> str:
    return f"  openWebui: {text}"


LONGEST_HOST = ".".join(["a" * 63] * 3 + ["b" * 57, "com"])

ACCEPTED = {
    "words that YAML 1.1 takes for switches": web('{pluginEnv: {COUNTRY: no, MODE: on, ANSWER: "yes"}}'),
    "a namespace that is called no": "  namespace: no",
    "a whole number with an exponent": web("{autoscaling: {maxReplicas: 5e0}}"),
    "a date": web("{pluginEnv: {RELEASED: 2026-01-31}}"),
    "a quantity with an exponent": "  postgresql: {resources: {limits: {memory: 3e9}}}",
    "the least that a database can have": (
        "  postgresql: {storage: {size: 1Gi}, maxConnections: 85,"
        " resources: {limits: {memory: 736Mi, ephemeralStorage: 64Mi}}}\n"
        "  openWebui: {replicas: 1}"
    ),
    "the smallest and the largest amounts": web(
        "{resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {cpu: 1000, memory: 9223372036854775807}}}"
    ),
    "the controller of k3s": web("{host: a.example.com, ingress: {enabled: true, controllerNamespace: kube-system}}"),
    "Prometheus beside the system": "  monitoring: {enabled: true, namespace: kube-system}",
    "an image from a mirror with a port": '  postgresql: {image: "registry.local:5000/team/pgvector:pg17"}',
    "an image by digest": f"  postgresql: {{image: 'pgvector/pgvector@sha256:{'0' * 64}'}}",
    "an image by tag and digest": f"  postgresql: {{image: 'pgvector/pgvector:pg17@sha256:{'0' * 64}'}}",
    "a repository on a port": web('{imageRepository: "registry.local:5000/open-webui"}'),
    "the longest host": web(f"{{host: {LONGEST_HOST}}}"),
    "a switch with a name like a secret": web(
        "{env: {ENABLE_API_KEYS: true, ENABLE_API_KEYS_ENDPOINT_RESTRICTIONS: 'False'}}"
    ),
    "a number of tokens": web("{env: {BRAVE_SEARCH_CONTEXT_TOKENS: 4000}}"),
    "an address for a model service": web('{ollamaBaseUrl: "http://[fd00::1]:11434"}'),
    "a host with a dot at the end": web('{ollamaBaseUrl: "http://ollama.models.svc.cluster.local.:11434"}'),
    "a key with the project's name": f"  {PROJECT}:openWebui: {{replicas: 3}}",
    "a key of a provider": "  kubernetes:context: other",
    "an optional key without a value": web("{host: , autoscaling: }"),
    "a secret without a value": "  openaiApiKey:",
}

REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "nothing below an object": (web(""), {"openWebui": "pulumi config rm openWebui"}),
    "nothing below a member": ("  redis: {storage: }", {"redis.storage": "the key has no value"}),
    "nothing below two levels": (
        web("{resources: {limits: }, ingress: , env: {A: }}"),
        {
            "openWebui.resources.limits": "pulumi config rm --path openWebui.resources.limits",
            "openWebui.ingress": "value:    null",
            "openWebui.env.A": "pulumi config rm --path openWebui.env.A",
        },
    ),
    "nothing for a number": (web("{replicas: }"), {"openWebui.replicas": "config rm --path openWebui.replicas"}),
    "nothing for a switch": ("  protect:", {"protect": "pulumi config rm protect"}),
    "nothing for the namespace": ("  namespace:", {"namespace": "(not set)"}),
    "nothing for the context": ("  kubeContext:", {"kubeContext": "kubeContext is missing"}),
    "blanks for the context": ("  kubeContext: '  '", {"kubeContext": "kubeContext is missing"}),
    "an object for the context": ("  kubeContext: {a: b}", {"kubeContext": "config set kubeContext <context>"}),
    "a list for the namespace": ("  namespace: [a]", {"namespace": "wrong type"}),
    "a word for a switch": ("  protect: yes", {"protect": "pulumi config set protect true"}),
    "a word against a switch": (
        web("{ingress: {enabled: off}}"),
        {"openWebui.ingress.enabled": "openWebui.ingress.enabled false"},
    ),
    "a number in quotes": (web("{replicas: '3'}"), {"openWebui.replicas": "openWebui.replicas 3"}),
    "a thousand replicas": (web("{replicas: 1e3}"), {"openWebui.replicas": "openWebui.replicas 100"}),
    "a counter beyond its end": ("  rotate: {redis: 2000}", {"rotate.redis": "rotate.redis 1000"}),
    "a counter in quotes": ("  rotate: {redis: '7'}", {"rotate.redis": "rotate.redis 7"}),
    "a value in lower case": (web("{logLevel: debug}"), {"openWebui.logLevel": "openWebui.logLevel DEBUG"}),
    "no number at all": (web("{replicas: .nan}"), {"openWebui.replicas": "openWebui.replicas 2"}),
    "memory for cores": (
        web("{resources: {limits: {cpu: 2Gi}}}"),
        {"openWebui.resources.limits.cpu": "openWebui.resources.limits.cpu 2"},
    ),
    "less than a thousandth of a core": (
        web("{resources: {requests: {cpu: 0.0001}}}"),
        {"openWebui.resources.requests.cpu": "thousandths of one such as 500m"},
    ),
    "bytes in the place of gibibytes": (
        "  postgresql: {storage: {size: 10}}",
        {"postgresql.storage.size": "postgresql.storage.size 10Gi"},
    ),
    "thousandths of a byte": (
        web("{resources: {limits: {memory: 500m}}}"),
        {"openWebui.resources.limits.memory": "without a unit it is bytes"},
    ),
    "more than there is": (
        "  postgresql: {storage: {size: 100000Ei}}",
        {"postgresql.storage.size": "from 1Mi to 8Ei"},
    ),
    "a volume that holds no log": ("  postgresql: {storage: {size: 512Mi}}", {"postgresql.storage.size": "1Gi"}),
    "digits of another script": (
        '  redis: {maxmemory: "\\uff15\\uff11\\uff12mb"}',
        {"redis.maxmemory": '"\\uff15\\uff11\\uff12mb"'},
    ),
    "an address for a host": (web("{host: 10.0.0.1}"), {"openWebui.host": "no address"}),
    "a letter that looks like another": (web('{host: "ch\\u0430t.example.com"}'), {"openWebui.host": "ch\\u0430t"}),
    "a line break": (web('{host: "chat.example.com\\n"}'), {"openWebui.host": '"chat.example.com\\n"'}),
    "a very long value": (f"  namespace: {'x' * 500}", {"namespace": "... (500 characters)"}),
    "a URL with a blank": (web('{ollamaBaseUrl: "http://ol lama:1"}'), {"openWebui.ollamaBaseUrl": "not an http"}),
    "a URL without a host": (web('{ollamaBaseUrl: "http://"}'), {"openWebui.ollamaBaseUrl": "ollama.ollama.svc"}),
    "a URL with a wrong host": (web('{ollamaBaseUrl: "http://a_b..c"}'), {"openWebui.ollamaBaseUrl": "not an http"}),
    "a key in a URL": (
        web('{openaiApiBaseUrl: "https://a.example/?key=hunter2"}'),
        {"openWebui.openaiApiBaseUrl": "a URL without ? and #", "openaiApiKey": "is missing"},
    ),
    "a URL of another kind": (web('{ollamaBaseUrl: "ftp://ollama:21"}'), {"openWebui.ollamaBaseUrl": "not an http"}),
    "an invalid port": (web('{ollamaBaseUrl: "http://ollama:0"}'), {"openWebui.ollamaBaseUrl": "not an http"}),
    "a key for a user": (
        web('{ollamaBaseUrl: "https://hunter2@ollama"}'),
        {"openWebui.ollamaBaseUrl": "a URL with credentials"},
    ),
    "a password without a user": (
        web('{ollamaBaseUrl: "https://:hunter2@ollama"}'),
        {"openWebui.ollamaBaseUrl": "a URL with credentials"},
    ),
    "a name that is too long": (web(f"{{host: {LONGEST_HOST}e}}"), {"openWebui.host": "not a DNS host name"}),
    "a class with a blank": (
        "  postgresql: {storage: {className: Fast SSD}}",
        {"postgresql.storage.className": "lower-case"},
    ),
    "a certificate with capitals": (
        web("{host: a.example.com, ingress: {enabled: true, className: nginx, tlsSecretName: My_TLS}}"),
        {"openWebui.ingress.tlsSecretName": "not a name of a Kubernetes object"},
    ),
    "an image with a blank": ('  postgresql: {image: "pg vector:17"}', {"postgresql.image": "not the name of"}),
    "an image without a tag": ("  postgresql: {image: pgvector/pgvector}", {"postgresql.image": "fixed version"}),
    "the newest image": ("  postgresql: {image: 'pgvector/pgvector:latest'}", {"postgresql.image": "fixed version"}),
    "a tag in a repository": (web("{imageRepository: 'ghcr.io/x:v1'}"), {"openWebui.imageRepository": "without a tag"}),
    "a version with a v": (web("{version: v0.12.4}"), {"openWebui.version": "three numbers, without v"}),
    "a bucket of two letters": (
        web("{uploads: {kind: s3, s3: {bucketName: ab}}}"),
        {
            "openWebui.uploads.s3.bucketName": "string of 3 to 63 characters",
            "s3AccessKeyId": "is missing",
            "s3SecretAccessKey": "(not set)",
        },
    ),
    "many wrong variables": (
        web(
            "{env: {REDIS_URL: x, RESET_CONFIG_ON_START: 'true', OAUTH_CLIENT_SECRET: hunter2, 'A B': hunter2, 2FA: x}}"
        ),
        {
            "openWebui.env.REDIS_URL": "set by the stack itself",
            "openWebui.env.RESET_CONFIG_ON_START": "under the other replicas",
            "openWebui.env.OAUTH_CLIENT_SECRET": "pulumi config set --secret OAUTH_CLIENT_SECRET",
            "openWebui.env.A B": "pulumi config rm --path 'openWebui.env.A B'",
            "openWebui.env.2FA": "no digit at the start",
        },
    ),
    "a variable with a fraction": (
        web("{pluginEnv: {SHARE: 1.5}}"),
        {"openWebui.pluginEnv.SHARE": "openWebui.pluginEnv.SHARE 1.5"},
    ),
    "a password in a variable's URL": (
        web("{env: {HTTP_PROXY: 'http://user:hunter2@proxy:3128'}}"),
        {"openWebui.env.HTTP_PROXY": "looks like a secret"},
    ),
    "variables as Compose has them": (web("{env: [OPENAI_API_KEY=hunter2]}"), {"openWebui.env": "[hidden]"}),
    "variables as a text": (web("{env: OPENAI_API_KEY=hunter2}"), {"openWebui.env": "[hidden]"}),
    "a secret of the wrong type": (
        web("{env: {OAUTH_CLIENT_SECRET: [hunter2], LDAP_PASSWORD: {a: hunter2}}}"),
        {"openWebui.env.OAUTH_CLIENT_SECRET": "[hidden]", "openWebui.env.LDAP_PASSWORD": "wrong type"},
    ),
    "an annotation with a blank": (
        web("{host: a.example.com, ingress: {enabled: true, className: nginx, annotations: {a key: x}}}"),
        {"openWebui.ingress.annotations.a key": "not a key of a label or an annotation"},
    ),
    "a password in an annotation's URL": (
        web(
            "{host: a.example.com, ingress: {enabled: true, className: nginx, annotations: {a.example/auth-url: "
            "'https://u:hunter2@b'}}}"
        ),
        {'openWebui.ingress.annotations["a.example/auth-url"]': "a URL with credentials"},
    ),
    "secrets under other names": (
        "  redis: {auth: hunter2, requirepass: hunter2, more: {dbPwd: hunter2}}",
        {"redis.auth": "[hidden]", "redis.requirepass": "[hidden]", "redis.more": "[hidden]"},
    ),
    "a secret in an object that has no effect": (
        web("{uploads: {s3: {secretAccessKey: hunter2}}}"),
        {"openWebui.uploads.s3.secretAccessKey": "[hidden]", "openWebui.uploads.s3": "[hidden]"},
    ),
    "a secret key inside an object": (
        web("{openaiApiKey: hunter2}"),
        {"openWebui.openaiApiKey": "pulumi config set --secret openaiApiKey"},
    ),
    "an encrypted member": (
        "  redis: {maxmemory: {secure: v1:abc}}",
        {"redis": "a value in it is encrypted"},
    ),
    "a path in the place of a key": (
        web('{"ingress.enabled": true, host: a.example.com}'),
        {'openWebui["ingress.enabled"]': "config set --path openWebui.ingress.enabled true"},
    ),
    "a quotation mark in a key": (web("{'a\"b': 1}"), {'openWebui["a\\"b"]': """'openWebui["a\\"b"]'"""}),
    "a project with another name": (
        "  openwebui-stack:redis: {maxmemory: 1gb}",
        {"openwebui-stack:redis": "did you mean open-webui-stack:redis?"},
    ),
    "a misspelt key with a negative value": (
        web("{maxUnavailabel: -1}"),
        {"openWebui.maxUnavailabel": "pulumi config set --path -- openWebui.maxUnavailable -1"},
    ),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_right_is_accepted_however_it_is_written(project: Path, text: str) -> None:
    check(project, text)


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_value_is_reported_where_it_is(project: Path, text: str, expected: dict[str, str]) -> None:
    actual = findings(project, text)
    assert actual.keys() == expected.keys()
    for key, hint in expected.items():
        assert hint in actual[key]
    assert "hunter2" not in "".join(actual.values())


CONFIGS: dict[str, dict[str, Any]] = {
    **{name: yaml.safe_load(f"config:\n{text}")["config"] for name, (text, _) in REFUSED.items()},
    **{name: dict(values) for name, values, *_ in SINGLE_MISTAKES},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_commands_of_the_report_fix_the_config(name: str) -> None:
    config = copy.deepcopy(CONFIGS[name])
    values = {key if ":" in key else f"{PROJECT}:{key}": value for key, value in config.items()}
    values.setdefault(f"{PROJECT}:kubeContext", "test")
    # One error can hide another one: a limit is not compared with a request that is not a quantity.
    for _ in range(3):
        secrets = {key for key, value in values.items() if all_encrypted(value)}
        try:
            texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
            parse(accepted(texts), secrets)
        except ConfigError as error:
            apply_fixes(values, str(error))
        else:
            return
    raise AssertionError("after two reports there is a third one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config: [a]", "must be an object"),
        ("config: text", "must be an object"),
        ("- a", "must be an object"),
        ("config:\n  a: b: c", "cannot be read"),
        ("config:\n\ta: b", "cannot be read"),
    ],
)
def test_a_stack_file_that_is_none_is_named(project: Path, text: str, message: str) -> None:
    (project / "Pulumi.test.yaml").write_text(text)
    with pytest.raises(StackFileError, match=f"Pulumi.test.yaml.*{message}"):
        read_stack("test", root=project)


def test_numbers_and_words_are_read_as_the_cli_reads_them(project: Path) -> None:
    (project / "Pulumi.test.yaml").write_text(SPELLINGS)
    values = read_stack("test", root=project).values
    assert values[f"{PROJECT}:namespace"] == "no"
    assert values[f"{PROJECT}:kubeContext"] == values[f"{PROJECT}:openaiApiKey"] == ""
    # As the CLI showed it; tests/engine/test_config_files.py asks it again.
    assert json.loads(values[f"{PROJECT}:openWebui"]) == {
        "integers": [8, 15, 31, 5, 1000, -3, 4, 0, 8],
        "numbers": [1000, 1.5, 0.5, 3, 2, 0.01],
        "words": ["no", "on", "y", "yes", "Off", True, True, False, None, None, None],
        "dates": ["2026-01-31 00:00:00 +0000 UTC"],
        "8080": "x",
        "true": "x",
    }
