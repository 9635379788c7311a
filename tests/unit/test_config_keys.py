"""Every config key changes what it says, and nothing is documented that is not there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.open_webui.environment_names import MANAGED_VARIABLES
from ops.config_docs import generated
from settings import SECRET_KEYS
from stack_config.files import ROOT, environments
from stack_config.keys import all_paths, config_keys
from stack_config.load import ConfigError

from .recording import Recording, run


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a key does: a value for it, and where the value shows."""

    value: str
    shows: Callable[[Recording], object]
    expected: object
    sets: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


def inputs(kind: str, name: str, *path: str | int) -> Callable[[Recording], object]:
    """The value at a path of the inputs of one resource."""

    def value(recording: Recording) -> object:
        found: Any = recording.one(kind, name).inputs
        for step in path:
            found = found[step]
        return found

    return value


def resources(container: str, side: str, name: str) -> Callable[[Recording], object]:
    """One amount of a container's resources."""
    return lambda recording: recording.containers[container]["resources"][side][name]


def variable(name: str) -> Callable[[Recording], object]:
    """The plain value of a variable of the Open WebUI container."""

    def value(recording: Recording) -> object:
        return {v["name"]: v.get("value") for v in recording.containers["open-webui/open-webui"]["env"]}.get(name)

    return value


def conf(config_map: str, file: str) -> Callable[[Recording], list[str]]:
    """The lines of a configuration file."""
    return lambda recording: recording.one("ConfigMap", config_map).inputs["data"][file].splitlines()


def line(config_map: str, file: str, text: str) -> Callable[[Recording], bool]:
    """Whether a configuration file has the line."""
    return lambda recording: text in conf(config_map, file)(recording)


def backup_variable(name: str) -> Callable[[Recording], object]:
    """The value of a variable of the backups."""
    return lambda recording: {v["name"]: v["value"] for v in recording.containers["postgres-backup/backup"]["env"]}[
        name
    ]


def amounts(component: str, container: str, *also: str) -> dict[str, Effect]:
    """The six keys of a component's resources, set together: six values that differ, each in its own place."""
    values = {"requests": ("60m", "200Mi", "33Mi"), "limits": ("3", "5Gi", "6Gi")}
    keys = ("cpu", "memory", "ephemeralStorage")
    together = also + tuple(
        f"{component}.resources.{side}.{key}={value}"
        for side, given in values.items()
        for key, value in zip(keys, given, strict=True)
    )
    return {
        f"{component}.resources.{side}.{key}": Effect(
            value="", sets=together, shows=resources(container, side, name), expected=value
        )
        for side, given in values.items()
        for key, name, value in zip(keys, ("cpu", "memory", "ephemeral-storage"), given, strict=True)
    }


INGRESS = ("openWebui.host=chat.example.com", "openWebui.ingress.enabled=true")
HOST = "chat.example.com"
ANNOTATIONS = ("metadata", "annotations")
S3 = ("openWebui.uploads.kind=s3", "openWebui.uploads.s3.bucketName=uploads")
S3_SECRETS = {"s3AccessKeyId": "a", "s3SecretAccessKey": "b"}
AUTOSCALER = ("HorizontalPodAutoscaler", "open-webui", "spec")
BUDGET = ("PodDisruptionBudget", "open-webui", "spec")

EXTERNAL = ("redis.topology=external", "redis.external.hosts=10.9.8.7")
EXTERNAL_SECRETS = {"redisCacheUrl": "redis://a:b@10.9.8.7:6379/0"}
EDGES = ("NetworkPolicy", "open-webui", "spec", "egress")

CLUSTER = ("redis.topology=cluster",)
BACKUP = ("backup.enabled=true",)


def set_up_environment(recording: Recording) -> list[dict[str, Any]]:
    """Variables of the Job that makes a cluster."""
    [container] = recording.one("Job", "redis-set-up").inputs["spec"]["template"]["spec"]["containers"]
    return list(container["env"])


EFFECTS: dict[str, Effect] = {
    "namespace": Effect(value="other", shows=inputs("Namespace", "namespace", "metadata", "name"), expected="other"),
    "kubeContext": Effect(value="there", shows=inputs("kubernetes", "cluster", "context"), expected="there"),
    "protect": Effect(
        value="true",
        shows=lambda r: (r.one("Namespace").protect, r.one("PersistentVolumeClaim", "postgres-data").retain_on_delete),
        expected=(True, True),
    ),
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
    "redis.external.hosts": Effect(
        value="10.1.1.1",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
        shows=inputs(*EDGES, 0, "to", 0, "ipBlock", "cidr"),
        expected="10.1.1.1/32",
    ),
    "redis.external.port": Effect(
        value="6380",
        sets=EXTERNAL,
        secrets=EXTERNAL_SECRETS,
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
    **amounts("backup", "postgres-backup/backup", *BACKUP),
    "openWebui.version": Effect(
        value="0.12.3",
        shows=lambda r: r.containers["open-webui/open-webui"]["image"],
        expected="ghcr.io/open-webui/open-webui:v0.12.3-slim",
    ),
    "openWebui.variant": Effect(
        value="full",
        shows=lambda r: r.containers["open-webui/migrate"]["image"],
        expected="ghcr.io/open-webui/open-webui:v0.12.4",
    ),
    "openWebui.imageRepository": Effect(
        value="mirror/web",
        shows=lambda r: r.containers["open-webui/open-webui"]["image"],
        expected="mirror/web:v0.12.4-slim",
    ),
    "openWebui.replicas": Effect(value="4", shows=inputs("Deployment", "open-webui", "spec", "replicas"), expected=4),
    "openWebui.autoscaling": Effect(
        value="", sets=("openWebui.autoscaling.minReplicas=2",), shows=inputs(*AUTOSCALER, "maxReplicas"), expected=6
    ),
    "openWebui.autoscaling.minReplicas": Effect(value="3", shows=inputs(*AUTOSCALER, "minReplicas"), expected=3),
    "openWebui.autoscaling.maxReplicas": Effect(value="5", shows=inputs(*AUTOSCALER, "maxReplicas"), expected=5),
    "openWebui.autoscaling.targetCpuPercent": Effect(
        value="55",
        shows=inputs(*AUTOSCALER, "metrics", 0, "resource", "target", "averageUtilization"),
        expected=55,
    ),
    "openWebui.maxUnavailable": Effect(
        value="2", sets=("openWebui.replicas=3",), shows=inputs(*BUDGET, "maxUnavailable"), expected=2
    ),
    **amounts("openWebui", "open-webui/open-webui"),
    "openWebui.host": Effect(value=HOST, shows=lambda r: r.outputs["webui_url"][0], expected=f"http://{HOST}"),
    "openWebui.ingress.enabled": Effect(
        value="true",
        sets=INGRESS,
        shows=inputs("Ingress", "open-webui", "spec", "rules", 0, "host"),
        expected=HOST,
    ),
    "openWebui.ingress.className": Effect(
        value="traefik",
        sets=INGRESS,
        shows=inputs("Ingress", "open-webui", "spec", "ingressClassName"),
        expected="traefik",
    ),
    "openWebui.ingress.tlsSecretName": Effect(
        value="tls", sets=INGRESS, shows=lambda r: r.outputs["webui_url"][0], expected=f"https://{HOST}"
    ),
    "openWebui.ingress.stickySessions": Effect(
        value="true",
        sets=INGRESS,
        shows=lambda r: (
            r.one("Ingress").inputs["metadata"]["annotations"]["nginx.ingress.kubernetes.io/affinity"],
            r.one("Service", "open-webui").inputs["metadata"]["annotations"][
                "traefik.ingress.kubernetes.io/service.sticky.cookie"
            ],
        ),
        expected=("cookie", "true"),
    ),
    "openWebui.ingress.controllerNamespace": Effect(
        value="traefik",
        sets=INGRESS,
        shows=inputs(
            "NetworkPolicy", "open-webui", "spec", "ingress", 0, "from", 0, "namespaceSelector", "matchLabels"
        ),
        expected={"kubernetes.io/metadata.name": "traefik"},
    ),
    "openWebui.ingress.annotations": Effect(
        value="",
        sets=(*INGRESS, 'openWebui.ingress.annotations["cert-manager.io/issuer"]=ca'),
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "cert-manager.io/issuer"),
        expected="ca",
    ),
    "openWebui.ingress.waitForAddress": Effect(
        value="true",
        sets=INGRESS,
        shows=lambda r: "pulumi.com/skipAwait" in r.one("Ingress").inputs["metadata"]["annotations"],
        expected=False,
    ),
    "openWebui.adminEmail": Effect(
        value="root@example.org", shows=variable("WEBUI_ADMIN_EMAIL"), expected="root@example.org"
    ),
    "openWebui.openaiApiBaseUrl": Effect(
        value="https://models.example.com/v1",
        secrets={"openaiApiKey": "k"},
        shows=variable("OPENAI_API_BASE_URL"),
        expected="https://models.example.com/v1",
    ),
    "openWebui.ollamaBaseUrl": Effect(
        value="http://ollama:11434", shows=variable("OLLAMA_BASE_URL"), expected="http://ollama:11434"
    ),
    "openWebui.uploads.kind": Effect(
        value="volume",
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "accessModes"),
        expected=["ReadWriteMany"],
    ),
    "openWebui.uploads.volume.size": Effect(
        value="3Gi",
        sets=("openWebui.uploads.kind=volume",),
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "resources", "requests", "storage"),
        expected="3Gi",
    ),
    "openWebui.uploads.volume.className": Effect(
        value="nfs",
        sets=("openWebui.uploads.kind=volume",),
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "storageClassName"),
        expected="nfs",
    ),
    "openWebui.uploads.s3.bucketName": Effect(
        value="files", sets=S3, secrets=S3_SECRETS, shows=variable("S3_BUCKET_NAME"), expected="files"
    ),
    "openWebui.uploads.s3.endpointUrl": Effect(
        value="https://s3.example.com",
        sets=S3,
        secrets=S3_SECRETS,
        shows=variable("S3_ENDPOINT_URL"),
        expected="https://s3.example.com",
    ),
    "openWebui.uploads.s3.regionName": Effect(
        value="eu", sets=S3, secrets=S3_SECRETS, shows=variable("S3_REGION_NAME"), expected="eu"
    ),
    "openWebui.uploads.s3.keyPrefix": Effect(
        value="web", sets=S3, secrets=S3_SECRETS, shows=variable("S3_KEY_PREFIX"), expected="web"
    ),
    "openWebui.logLevel": Effect(value="ERROR", shows=variable("GLOBAL_LOG_LEVEL"), expected="ERROR"),
    "openWebui.env": Effect(
        value="", sets=("openWebui.env.ENABLE_NOTES=false",), shows=variable("ENABLE_NOTES"), expected="false"
    ),
    "rotate.redis": Effect(
        value="2", shows=lambda r: "redis-password-2" in r.outputs["redis_cache_url"][0], expected=True
    ),
    "rotate.postgresql": Effect(
        value="2", shows=lambda r: "postgresql-password-2" in r.outputs["database_url"][0], expected=True
    ),
    "rotate.openWebui": Effect(
        value="2",
        shows=lambda r: "key-2" in r.one("Secret", "openwebui-secret").plain("stringData", "secret-key"),
        expected=True,
    ),
    "monitoring.enabled": Effect(value="true", shows=lambda r: "redis/exporter" in r.containers, expected=True),
    "monitoring.namespace": Effect(
        value="watch",
        sets=("monitoring.enabled=true",),
        shows=inputs("NetworkPolicy", "redis", "spec", "ingress", 1, "from", 0, "namespaceSelector", "matchLabels"),
        expected={"kubernetes.io/metadata.name": "watch"},
    ),
    "monitoring.operator": Effect(
        value="true",
        sets=("monitoring.enabled=true",),
        shows=lambda r: (
            r.one("ServiceMonitor").inputs["spec"]["endpoints"][0]["port"],
            len(r.one("PrometheusRule").inputs["spec"]["groups"][0]["rules"]),
            "panels" in r.one("ConfigMap", "redis-dashboard").inputs["data"]["open-webui-stack-redis.json"],
        ),
        expected=("metrics", 7, True),
    ),
    "openaiApiKey": Effect(
        value="",
        sets=("openWebui.openaiApiBaseUrl=https://models.example.com",),
        secrets={"openaiApiKey": "sk-1"},
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "openai-api-key"),
        expected="sk-1",
    ),
    "s3AccessKeyId": Effect(
        value="",
        sets=S3,
        secrets=S3_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "s3-access-key-id"),
        expected="a",
    ),
    "s3SecretAccessKey": Effect(
        value="",
        sets=S3,
        secrets=S3_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "s3-secret-access-key"),
        expected="b",
    ),
}


# Keys that change what others are about, or that exclude others, and not each other.
APART = {"openWebui.imageRepository", "openWebui.replicas", "redis.durability", "redis.engine"}
# Keys that exclude each other as well.
ALONE = {
    "openWebui.ingress.stickySessions",
    "openWebui.variant",
    "openWebui.version",
    "redis.cluster.masters",
    "redis.cluster.replicasPerMaster",
    "redis.external.certificateAuthority",
    "redis.external.sentinelHosts",
    "redis.tls.secretName",
    "redis.topology",
}


def together(path: str) -> list[str]:
    """The keys of one run: all that need the same config beside their own value, those apart, or this one alone."""
    effect = EFFECTS[path]
    if path in ALONE:
        return [path]
    if path in APART:
        return sorted(APART)
    return [
        other
        for other, each in EFFECTS.items()
        if other not in ALONE | APART and (each.sets, each.secrets) == (effect.sets, effect.secrets)
    ]


@cache
def run_once(sets: tuple[str, ...], secrets: tuple[tuple[str, str], ...]) -> Recording:
    return run("dev", sets, dict(secrets))


@pytest.mark.parametrize("path", EFFECTS)
def test_a_key_does_what_it_says(path: str) -> None:
    effect = EFFECTS[path]
    own = [f"{key}={EFFECTS[key].value}" for key in together(path) if EFFECTS[key].value]
    recording = run_once((*effect.sets, *own), tuple(effect.secrets.items()))
    assert effect.shows(recording) == effect.expected


# Their own value is among what the run needs beside them.
WITHIN_ITS_SETS = {path for path, effect in EFFECTS.items() if not effect.value}


@pytest.mark.parametrize("path", sorted(EFFECTS.keys() - WITHIN_ITS_SETS - {"openWebui.ingress.enabled"}))
def test_without_the_key_it_is_otherwise(path: str) -> None:
    effect = EFFECTS[path]
    try:
        without = effect.shows(run_once(effect.sets, tuple(effect.secrets.items())))
    except (AssertionError, ConfigError, IndexError, KeyError, ValueError):
        return  # there is no such object without it, or nothing asks for its secret
    assert without != effect.expected


def test_no_key_is_forgotten_here() -> None:
    keys = [key.path for key in config_keys().values() if not key.is_object or key.path in EFFECTS]
    assert set(EFFECTS) == {*keys, *SECRET_KEYS}


def test_the_generated_parts_of_the_files_are_up_to_date() -> None:
    for path, text in generated(ROOT).items():
        assert path.read_text() == text, f"run: make docs ({path.name})"


def test_pulumi_yaml_declares_every_key_with_type_and_description() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["name"] == "open-webui-stack"
    assert project["runtime"]["name"] == "python"
    declared = project["config"]
    assert set(declared) == {path for path in all_paths() if "." not in path}
    for name, values in declared.items():
        assert values["type"] in ("string", "boolean", "object"), name
        assert values["description"], name


def test_members_of_objects_have_their_defaults_in_the_settings_alone() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert all(values["default"] == {} for values in declared.values() if values["type"] == "object")


def test_every_key_says_what_it_is_for() -> None:
    for key in config_keys().values():
        assert key.description.endswith("."), key.path


@pytest.mark.parametrize("environment", environments())
def test_environments_hold_config_alone(environment: str) -> None:
    content = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text())
    assert set(content) == {"config"}
    assert "password" not in json.dumps(content).lower()


def test_the_stack_sets_only_variables_that_it_owns(prod: Recording) -> None:
    everything = run(
        "prod",
        [
            "openWebui.uploads.kind=s3",
            *S3,
            "openWebui.openaiApiBaseUrl=https://a.example",
            "openWebui.ollamaBaseUrl=http://b",
        ],
        {**S3_SECRETS, "openaiApiKey": "k"},
    )
    for recording in (prod, everything):
        names = {v["name"] for v in recording.containers["open-webui/open-webui"]["env"]}
        assert names <= MANAGED_VARIABLES


def test_there_is_a_file_for_dev_and_for_prod() -> None:
    assert environments() == ["dev", "prod"]
    assert Path(ROOT, "__main__.py").exists()
