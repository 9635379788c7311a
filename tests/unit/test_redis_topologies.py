"""One setting decides what Redis is; Open WebUI is wired the same way to all of them."""

import re
from typing import Any

import pytest

from components.quantities import quantity

from .recording import Recording, run


@pytest.fixture(scope="module")
def sentinel() -> Recording:
    return run("prod", ["redis.topology=sentinel", "monitoring.enabled=true"])


def variables(recording: Recording) -> dict[str, Any]:
    return {v["name"]: v.get("value") for v in recording.containers["open-webui/open-webui"]["env"]}


def test_the_outputs_are_the_same_for_every_topology(sentinel: Recording) -> None:
    standalone = run("prod", ["monitoring.enabled=true"])
    assert {name: secret for name, (_, secret) in sentinel.outputs.items()} == {
        name: secret for name, (_, secret) in standalone.outputs.items()
    }
    for recording in (standalone, sentinel):
        contents = recording.one("Secret", "redis-config").plain("stringData")
        assert (contents["cache-url"], contents["websocket-url"]) == (
            recording.outputs["redis_cache_url"][0],
            recording.outputs["redis_websocket_url"][0],
        )


def test_both_sides_of_open_webui_ask_every_sentinel(sentinel: Recording) -> None:
    given = variables(sentinel)
    nodes = "redis-sentinel,redis-0.redis-nodes,redis-1.redis-nodes,redis-2.redis-nodes"
    assert (given["REDIS_SENTINEL_HOSTS"], given["WEBSOCKET_SENTINEL_HOSTS"]) == (nodes, nodes)
    assert (given["REDIS_SENTINEL_PORT"], given["WEBSOCKET_SENTINEL_PORT"]) == ("26379", "26379")
    assert sentinel.one("Service", "redis-sentinel").inputs["spec"]["ports"][0]["port"] == 26379
    # The host of the URL is the service that the Sentinels watch.
    assert sentinel.outputs["redis_cache_url"][0].endswith("@main/0")
    assert sentinel.outputs["redis_websocket_url"][0].endswith("@main/1")


def test_the_password_is_the_same_quoted_or_not() -> None:
    # The clients do not decode it for the Sentinels: letters and digits alone.
    for password in (r for r in run("dev", ["redis.topology=sentinel"]).resources if r.kind == "RandomPassword"):
        assert password.inputs["special"] is False, password.name


def test_nodes_start_one_after_the_other_and_are_found_before_they_are_ready(sentinel: Recording) -> None:
    workload = sentinel.one("StatefulSet", "redis").inputs["spec"]
    service = sentinel.one("Service", "redis-nodes").inputs["spec"]
    assert (workload["replicas"], workload["podManagementPolicy"]) == (3, "OrderedReady")
    assert workload["serviceName"] == "redis-nodes"
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    assert service["selector"] == workload["selector"]["matchLabels"]


def test_the_grace_period_is_longer_than_the_hand_over(sentinel: Recording) -> None:
    script = sentinel.one("ConfigMap", "redis-conf").inputs["data"]["hand-over.sh"]
    [seconds] = re.findall(r"^seconds=(\d+)$", script, re.MULTILINE)
    assert sentinel.pods["redis"]["terminationGracePeriodSeconds"] >= int(seconds) + 20


def test_the_scripts_that_containers_run_are_mounted(sentinel: Recording) -> None:
    files = sentinel.one("ConfigMap", "redis-conf").inputs["data"]
    server = sentinel.containers["redis/redis"]
    commands = [server["command"], server["lifecycle"]["preStop"]["exec"]["command"]]
    commands += [sentinel.containers[f"redis/{name}"]["command"] for name in ("sentinel", "reload-users")]
    for command in commands:
        assert command[0] == "sh"
        assert command[1].removeprefix("/etc/redis/") in files


def test_nodes_reach_each_other_and_clients_reach_the_sentinels(sentinel: Recording) -> None:
    spec = sentinel.one("NetworkPolicy", "redis").inputs["spec"]
    redis, web = ({"podSelector": {"matchLabels": {"app": app}}} for app in ("redis", "open-webui"))
    ports = [{"protocol": "TCP", "port": 6379}, {"protocol": "TCP", "port": 26379}]
    assert {"from": [web], "ports": ports} in spec["ingress"]
    assert {"from": [redis], "ports": ports} in spec["ingress"]
    assert spec["egress"] == [{"to": [redis], "ports": ports}]
    assert {"to": [redis], "ports": ports} in sentinel.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]


def test_every_user_that_a_script_names_exists(sentinel: Recording) -> None:
    secret = sentinel.one("Secret", "redis-acl").plain("stringData")
    files = sentinel.one("ConfigMap", "redis-conf").inputs["data"]
    accounts = {v["value"] for c in sentinel.containers.values() for v in c.get("env", []) if v["name"] == "ACCOUNT"}
    assert accounts == {"sentinel"}
    assert "ask reload " in files["reload-users.sh"]
    for user in (*accounts, "reload", "probe", "replication"):
        assert f"user {user} " in secret["users.acl"]
        assert secret[f"{user}-password"]
    assert "user sentinel " in secret["sentinel-users.acl"]
    assert "user exporter " not in secret["sentinel-users.acl"]
    assert secret["replication.conf"].startswith("masteruser replication\nmasterauth generated/")


def test_volumes_of_nodes_come_from_a_template_and_fit_the_quota() -> None:
    recording = run("prod", ["redis.topology=sentinel", "redis.durability=volume"])
    [claim] = recording.one("StatefulSet", "redis").inputs["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    [mount] = [m for m in recording.containers["redis/redis"]["volumeMounts"] if m["name"] == "data"]
    assert mount["mountPath"] == "/data"
    hard = recording.one("ResourceQuota", "quota").inputs["spec"]["hard"]
    # Its own three, the database's, the uploads', and one to spare.
    assert int(hard["persistentvolumeclaims"]) == 6


def test_the_quota_has_room_for_every_container_of_every_node(sentinel: Recording) -> None:
    hard = sentinel.one("ResourceQuota", "quota").inputs["spec"]["hard"]
    pod = sentinel.pods["redis"]
    containers = [*pod["containers"], *pod["initContainers"]]
    assert {container["name"] for container in containers} == {"redis", "sentinel", "exporter", "reload-users"}
    needed = sum((quantity(c["resources"]["limits"]["memory"]) for c in containers), quantity("0")) * 3
    web = quantity(sentinel.containers["open-webui/open-webui"]["resources"]["limits"]["memory"])
    assert quantity(hard["limits.memory"]) > needed + web * 9


EXTERNAL = run(
    "prod",
    ["redis.topology=external", "redis.external.hosts=10.9.8.7,10.9.8.8", "monitoring.enabled=true"],
    {"redisCacheUrl": "redis://user:hidden-Password@10.9.8.7:6379/0"},
)


def test_nothing_of_an_external_redis_is_deployed() -> None:
    named = {(r.kind, r.name) for r in EXTERNAL.objects if "redis" in r.name}
    assert named == {("Secret", "redis-config")}
    assert set(EXTERNAL.pods) == {"postgres", "open-webui"}
    assert [r.name for r in EXTERNAL.resources if r.name.startswith("redis-") and r.kind == "RandomPassword"] == []
    assert EXTERNAL.outputs["redis_cache_url"] == ("redis://user:hidden-Password@10.9.8.7:6379/0", True)


def test_the_way_to_an_external_redis_is_open_and_no_other() -> None:
    edges = EXTERNAL.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    port = [{"protocol": "TCP", "port": 6379}]
    assert [edge for edge in edges if "ipBlock" in edge["to"][0]] == [
        {"to": [{"ipBlock": {"cidr": f"10.9.8.{last}/32"}}], "ports": port} for last in (7, 8)
    ]


def test_the_password_in_an_external_url_is_nowhere_else() -> None:
    for resource in EXTERNAL.resources:
        if resource.kind != "Secret":
            assert "hidden-Password" not in str(resource.inputs), resource.name


def test_the_authority_of_an_external_redis_is_mounted_where_the_url_says() -> None:
    recording = run(
        "dev",
        [
            "redis.topology=external",
            "redis.external.hosts=10.9.8.7",
            "redis.external.certificateAuthority=-----BEGIN CERTIFICATE-----",
        ],
        {"redisCacheUrl": "rediss://a:b@10.9.8.7:6379/0?ssl_cert_reqs=required"},
    )
    url, _ = recording.outputs["redis_cache_url"]
    assert url == "rediss://a:b@10.9.8.7:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/redis-ca/ca.crt"
    [volume] = [v for v in recording.pods["open-webui"]["volumes"] if v["name"] == "redis-ca"]
    assert volume["secret"] == {"secretName": "redis-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    for container in ("wait-for-redis", "migrate", "open-webui"):
        [mount] = [
            m for m in recording.containers[f"open-webui/{container}"]["volumeMounts"] if m["name"] == "redis-ca"
        ]
        assert mount["mountPath"] == "/etc/redis-ca"
