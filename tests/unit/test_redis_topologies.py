"""One setting decides what Redis is; Open WebUI is wired the same way to all of them."""

import ast
import re
from typing import Any

import pytest

from components.blocks.quantities import quantity
from stack_config.files import ROOT
from tests.support.unit.recording import Recording, run


def test_one_line_of_the_program_asks_which_topology_it_is() -> None:
    asks = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("components", "stack_config", "stackctl", "policy")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "topology"
    ]
    once = {"components/redis/settings.py", "components/postgresql/settings.py"}
    assert sorted(ask.partition(":")[0] for ask in asks) == sorted(once), asks


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
    configured = variables(sentinel)
    nodes = "redis-sentinel,redis-0.redis-nodes,redis-1.redis-nodes,redis-2.redis-nodes"
    assert (configured["REDIS_SENTINEL_HOSTS"], configured["WEBSOCKET_SENTINEL_HOSTS"]) == (nodes, nodes)
    assert (configured["REDIS_SENTINEL_PORT"], configured["WEBSOCKET_SENTINEL_PORT"]) == ("26379", "26379")
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


def test_the_grace_period_is_longer_than_the_switchover(sentinel: Recording) -> None:
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
    # Its own three, the database's, the uploads', the backups', and one to spare.
    assert int(hard["persistentvolumeclaims"]) == 7


@pytest.mark.parametrize("topology", ["standalone", "sentinel", "cluster"])
@pytest.mark.parametrize("engine", ["redis", "valkey"])
def test_the_data_on_a_volume_is_checked_before_the_server_starts(topology: str, engine: str) -> None:
    sets = [f"redis.topology={topology}", f"redis.engine={engine}"]
    without = run("dev", [*sets, "redis.durability=container"])
    assert "check-data.sh" not in without.one("ConfigMap", "redis-conf").inputs["data"]
    recording = run("dev", [*sets, "redis.durability=volume"])
    files = recording.one("ConfigMap", "redis-conf").inputs["data"]
    assert f"{engine} 7.2 11\n" in files["data-formats"]
    check = ["sh", "/etc/redis/check-data.sh", engine]
    assert recording.containers["redis/redis"]["command"] == check + without.containers["redis/redis"]["command"]
    assert files["check-data.sh"].startswith("#!/bin/sh\n")


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
    assert set(EXTERNAL.pods) == {"postgres", "open-webui", "tika"}
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
    for container in ("migrate", "open-webui"):
        [mount] = [
            m for m in recording.containers[f"open-webui/{container}"]["volumeMounts"] if m["name"] == "redis-ca"
        ]
        assert mount["mountPath"] == "/etc/redis-ca"


@pytest.fixture(scope="module")
def cluster() -> Recording:
    return run(
        "prod",
        [
            "redis.topology=cluster",
            "redis.cluster.replicasPerMaster=2",
            "redis.tls.issuer.name=internal",
            "monitoring.enabled=true",
        ],
    )


def test_the_outputs_of_a_cluster_are_those_of_the_others(cluster: Recording, sentinel: Recording) -> None:
    assert {name: secret for name, (_, secret) in cluster.outputs.items()} == {
        name: secret for name, (_, secret) in sentinel.outputs.items()
    }
    assert set(cluster.one("Secret", "redis-config").plain("stringData")) == {"cache-url", "websocket-url"}
    # Database 0 is the only one. Any node leads to the others.
    for url in ("redis_cache_url", "redis_websocket_url"):
        text = cluster.outputs[url][0]
        assert text.startswith("rediss://openwebui:")
        assert text.endswith("@redis-service:6379/0?ssl_ca_certs=/etc/redis-ca/ca.crt")
    configured = variables(cluster)
    assert (configured["REDIS_CLUSTER"], configured["WEBSOCKET_REDIS_CLUSTER"]) == ("true", "true")
    assert "REDIS_SENTINEL_HOSTS" not in configured


def test_the_nodes_of_a_cluster_remember_who_they_are(cluster: Recording) -> None:
    workload = cluster.one("StatefulSet", "redis").inputs["spec"]
    assert (workload["replicas"], workload["podManagementPolicy"], workload["serviceName"]) == (
        9,
        "Parallel",
        "redis-nodes",
    )
    [claim] = workload["volumeClaimTemplates"]
    server = cluster.containers["redis/redis"]
    [mount] = [m for m in server["volumeMounts"] if m["name"] == claim["metadata"]["name"]]
    environment = {v["name"]: v for v in server["env"]}
    assert environment["NODES_FILE"]["value"] == f"{mount['mountPath']}/nodes.conf"
    assert environment["POD_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
    # With more nodes those that are there go on: nothing of theirs changes.
    more = run("prod", ["redis.topology=cluster", "redis.cluster.masters=4"]).one("StatefulSet", "redis")
    fewer = run("prod", ["redis.topology=cluster"]).one("StatefulSet", "redis")
    assert (more.inputs["spec"]["replicas"], fewer.inputs["spec"]["replicas"]) == (8, 6)
    assert more.inputs["spec"]["template"] == fewer.inputs["spec"]["template"]
    hard = cluster.one("ResourceQuota", "quota").inputs["spec"]["hard"]
    # Its own nine, the database's, the uploads', the backups', and one to spare.
    assert int(hard["persistentvolumeclaims"]) == 13


def test_a_volume_for_the_data_holds_the_nodes_file_too() -> None:
    recording = run("prod", ["redis.topology=cluster", "redis.durability=volume", "redis.storage.className=fast"])
    [claim] = recording.one("StatefulSet", "redis").inputs["spec"]["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["spec"]["storageClassName"]) == ("data", "fast")
    server = recording.containers["redis/redis"]
    assert {"name": "NODES_FILE", "value": "/data/nodes.conf"} in server["env"]
    [mount] = [m for m in server["volumeMounts"] if m["name"] == "data"]
    assert mount["mountPath"] == "/data"


def test_the_job_runs_after_the_nodes_and_before_the_web_pods(cluster: Recording) -> None:
    job, nodes = cluster.one("Job", "redis-set-up"), cluster.one("StatefulSet", "redis")
    assert nodes.urn in cluster.waits_for(job)
    assert job.urn in cluster.waits_for(cluster.one("Deployment", "open-webui")) or any(
        job.parent == urn for urn in cluster.waits_for(cluster.one("Deployment", "open-webui"))
    )
    assert (job.replace_on_changes, job.delete_before_replace) == (("spec",), True)
    spec = job.inputs["spec"]
    assert "ttlSecondsAfterFinished" not in spec
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    files = cluster.one("ConfigMap", "redis-set-up").inputs["data"]
    assert container["command"][1].removeprefix("/etc/redis/") in files
    assert spec["template"]["metadata"]["labels"]["app"] == "redis-set-up"
    assert pod["automountServiceAccountToken"] is False
    # It is none of the nodes, and has no password of theirs and no private key.
    items = {v["name"]: v["secret"]["items"] for v in pod["volumes"] if "secret" in v}
    assert items == {
        "acl": [{"key": "set-up-password", "path": "set-up-password"}],
        "tls": [{"key": "ca.crt", "path": "ca.crt"}],
    }
    environment = {v["name"]: v["value"] for v in container["env"]}
    assert environment["MASTERS"] == "3"
    assert environment["NODES"].split() == [f"redis-{number}.redis-nodes" for number in range(9)]


def test_a_job_of_other_settings_is_another_one(cluster: Recording) -> None:
    other = run("prod", ["redis.topology=cluster", "redis.cluster.masters=4"]).one("Job", "redis-set-up")
    assert other.inputs["spec"]["template"] != cluster.one("Job", "redis-set-up").inputs["spec"]["template"]


def test_the_bus_is_the_nodes_alone(cluster: Recording) -> None:
    spec = cluster.one("NetworkPolicy", "redis").inputs["spec"]
    peers = {app: {"podSelector": {"matchLabels": {"app": app}}} for app in ("redis", "open-webui", "redis-set-up")}
    client = [{"protocol": "TCP", "port": 6379}]
    bus = [*client, {"protocol": "TCP", "port": 16379}]
    assert {"from": [peers["redis"]], "ports": bus} in spec["ingress"]
    assert {"from": [peers["open-webui"]], "ports": client} in spec["ingress"]
    assert {"from": [peers["redis-set-up"]], "ports": client} in spec["ingress"]
    assert spec["egress"] == [{"to": [peers["redis"]], "ports": bus}]
    job = cluster.one("NetworkPolicy", "redis-set-up").inputs["spec"]
    assert (job["ingress"], job["egress"]) == ([], [{"to": [peers["redis"]], "ports": client}])
    ports = cluster.containers["redis/redis"]["ports"]
    assert [port["containerPort"] for port in ports] == [6379, 16379]


def test_every_user_of_a_cluster_exists_and_no_other(cluster: Recording) -> None:
    secret = cluster.one("Secret", "redis-acl").plain("stringData")
    users = {line.split()[1] for line in secret["users.acl"].splitlines()}
    internal = {"exporter", "reload", "replication", "probe", "cluster", "set-up", "certificates"}
    assert users == {"default", "openwebui", *internal}
    assert {key.removesuffix("-password") for key in secret if key.endswith("-password")} == internal
    assert "cluster|failover" not in next(u for u in secret["users.acl"].splitlines() if " openwebui " in u)


def test_a_certificate_is_for_every_name_that_clients_use(cluster: Recording) -> None:
    spec = cluster.one("Certificate", "redis-certificate").inputs["spec"]
    assert {"redis-service", "redis-service.rag-system.svc", "redis-0.redis-nodes", "redis-8.redis-nodes"} <= set(
        spec["dnsNames"]
    )
    assert spec["secretName"] == "redis-tls"
    assert spec["issuerRef"] == {"name": "internal", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    workload = cluster.one("StatefulSet", "redis")
    assert cluster.one("Certificate", "redis-certificate").urn in cluster.waits_for(workload)


TLS = run("dev", ["redis.tls.secretName=certificate", "monitoring.enabled=true"])


def test_with_tls_nothing_listens_without() -> None:
    conf = TLS.one("ConfigMap", "redis-conf").inputs["data"]["redis.conf"].splitlines()
    assert {"port 0", "tls-port 6379", "tls-auth-clients no"} <= set(conf)
    exporter = {v["name"]: v.get("value") for v in TLS.containers["redis/exporter"]["env"]}
    assert exporter["REDIS_ADDR"] == "rediss://localhost:6379"
    for probe in ("readinessProbe", "livenessProbe"):
        assert "redis-cli --tls " in TLS.containers["redis/redis"][probe]["exec"]["command"][-1]
    reload = {v["name"]: v["value"] for v in TLS.containers["redis/reload-users"]["env"]}
    assert "--tls" in reload["CLIENT_OPTIONS"]
    assert TLS.of_type("kubernetes:cert-manager.io") == []
    assert "tls-port" not in run("dev").one("ConfigMap", "redis-conf").inputs["data"]["redis.conf"]


def test_the_private_key_is_in_the_pod_of_redis_alone() -> None:
    volumes = {
        (pod, volume["name"]): [item["key"] for item in volume["secret"]["items"]]
        for pod, spec in TLS.pods.items()
        for volume in spec["volumes"]
        if volume.get("secret", {}).get("secretName") == "certificate"
    }
    assert volumes == {("redis", "tls"): ["tls.crt", "tls.key", "ca.crt"], ("open-webui", "redis-ca"): ["ca.crt"]}
    assert TLS.outputs["redis_cache_url"][0].endswith("@redis-service:6379/0?ssl_ca_certs=/etc/redis-ca/ca.crt")
    assert TLS.outputs["redis_websocket_url"][0].endswith("@redis-service:6379/1?ssl_ca_certs=/etc/redis-ca/ca.crt")
