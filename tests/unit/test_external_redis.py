"""An external Redis: its shape decides the variables, and URLs that cannot work are refused without being quoted."""

import json
from collections.abc import Mapping

import pytest
import redis

from components.redis.topologies.external_url import _PARAMETERS, _TLS_PARAMETERS
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.recording import run
from tests.support.unit.uploads_in_pods import accepted

SECRET = "Hidden-Part"


def report(external: Mapping[str, object], **secrets: str) -> str:
    """What the report says about a stack with that external Redis; empty when it is right."""
    values = {
        f"{PROJECT}:kubeContext": "test",
        f"{PROJECT}:redis": json.dumps({"topology": "external", "external": external}),
        **{f"{PROJECT}:{key}": value for key, value in secrets.items()},
    }
    try:
        parse(accepted(values), {f"{PROJECT}:{key}" for key in secrets})
    except ConfigError as error:
        return str(error)
    return ""


HOST = {"hosts": "redis.example.com"}
SENTINELS = {"hosts": "10.0.0.1", "sentinelHosts": "10.0.0.2"}
CLUSTER = {"hosts": "10.0.0.1,10.0.0.2", "kind": "cluster"}


@pytest.mark.parametrize(
    ("external", "url", "error"),
    [
        (HOST, f"http://{SECRET}@redis.example.com", "its scheme is not that of Redis"),
        (HOST, f"redis://{SECRET}@", "it has no host"),
        (HOST, f"redis://u:{SECRET}@redis.example.com:x", "it is not a URL"),
        (HOST, f"redis://u:{SECRET}@other.example.com", "its host is not in redis.external.hosts"),
        (SENTINELS | {"sentinelHosts": ""}, f"redis://u:{SECRET}@10.0.0.9", "its host is not in redis.external.hosts"),
        (HOST, f"redis://u:{SECRET}@redis.example.com:7000", "its port is not redis.external.port"),
        (HOST, f"redis://u:{SECRET}@redis.example.com/cache", "its path is not the number of a database"),
        (HOST, f"redis://u:{SECRET}@redis.example.com/0?password={SECRET}", "a parameter that redis-py refuses"),
        (HOST, f"redis://u:{SECRET}@redis.example.com/0?ssl_cert_reqs=none", "a parameter that redis-py refuses"),
        (HOST, f"redis://u:{SECRET}\n@redis.example.com", "a line break"),
        (SENTINELS, f"rediss://u:{SECRET}@main/0", "Open WebUI would connect without it, silently"),
        (SENTINELS, f"redis://u:{SECRET}%40@main/0", "its user or password is percent-encoded"),
        (SENTINELS, f"redis://u:{SECRET}@main/0?db=1", "it has parameters, which Open WebUI drops"),
        (CLUSTER, f"redis://u:{SECRET}@10.0.0.1/1", "a Redis Cluster has database 0 only"),
    ],
)
@pytest.mark.parametrize("key", ["redisCacheUrl", "redisWebsocketUrl"])
def test_a_url_that_cannot_work_is_refused_and_no_part_of_it_is_shown(
    external: Mapping[str, object], url: str, error: str, key: str
) -> None:
    right = "redis://main/0" if external is SENTINELS else f"redis://{str(external['hosts']).partition(',')[0]}/0"
    text = report(external, **{"redisCacheUrl": right, key: url})
    assert f"{key}: the secret {key} is invalid: " in text
    assert error in text
    assert f"pulumi config set --secret {key}" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("external", "url"),
    [
        (HOST, "rediss://u:p%40ss@REDIS.example.com:6379/3?ssl_cert_reqs=required"),
        ({"hosts": "10.0.0.1"}, "redis://a-name-of-that-address.internal"),
        (SENTINELS, "redis://u:p@main/1"),
        (CLUSTER, "redis://u:p@10.0.0.2:6379"),
    ],
)
def test_a_url_that_can_work_is_accepted(external: Mapping[str, object], url: str) -> None:
    assert report(external, redisCacheUrl=url) == ""


@pytest.mark.parametrize("parameter", sorted(_PARAMETERS | _TLS_PARAMETERS))
def test_every_parameter_that_is_accepted_is_one_of_redis_py(parameter: str) -> None:
    scheme = "rediss" if parameter in _TLS_PARAMETERS else "redis"
    value = {"ssl_cert_reqs": "required", "protocol": "3"}.get(parameter, "1")
    redis.ConnectionPool.from_url(f"{scheme}://localhost?{parameter}={value}").make_connection()


@pytest.mark.parametrize("key", ["redisCacheUrl"])
@pytest.mark.parametrize("space", [" ", "\n", "\t", "\x00"])
def test_a_secret_with_a_space_or_a_line_break_is_refused(key: str, space: str) -> None:
    assert "a line break or a control character" in report(HOST, **{key: f"redis://redis.example.com{space}/0"})


@pytest.mark.parametrize(
    ("external", "message"),
    [
        ({"hosts": "10.0.0.1", "kind": "sentinel"}, "kind sentinel without sentinelHosts"),
        (SENTINELS | {"kind": "cluster"}, "kind cluster with sentinelHosts"),
    ],
)
def test_the_kind_and_the_sentinels_agree(external: Mapping[str, object], message: str) -> None:
    assert message in report(external, redisCacheUrl="redis://10.0.0.1")


def variables(*sets: str, url: str = "") -> dict[str, str]:
    """Plain variables of Redis in the web pods."""
    recording = run("prod", sets, {"redisCacheUrl": url} if url else {})
    env = recording.containers["open-webui/open-webui"]["env"]
    return {v["name"]: v["value"] for v in env if "REDIS" in v["name"] or "SENTINEL" in v["name"] if "value" in v}


@pytest.mark.parametrize("shape", ["sentinel", "cluster"])
def test_an_external_redis_gets_the_variables_of_the_stacks_own_of_that_shape(shape: str) -> None:
    external = {
        "sentinel": ("redis.external.sentinelHosts=10.0.0.2", "redis://main/0"),
        "cluster": ("redis.external.kind=cluster", "redis://10.0.0.1/0"),
    }
    setting, url = external[shape]
    theirs = variables("redis.topology=external", "redis.external.hosts=10.0.0.1", setting, url=url)
    own = variables(f"redis.topology={shape}")
    assert theirs.keys() == own.keys()
    assert {name for name in own if theirs[name] != own[name]} <= {"REDIS_SENTINEL_HOSTS", "WEBSOCKET_SENTINEL_HOSTS"}
