"""The program behind the recordings: a small stack that touches what providers decide differently.

`Settings` has the config keys of the recordings; its defaults are the base state that each of them starts from.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

PROJECT = "open-webui-stack"
NAMESPACE = "rag-rec"
DATABASE_LABELS = {"app": "postgres"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The recorded config: strings, as `pulumi config set` has them."""

    image: str = "redis:7.4-alpine"
    replicas: str = "1"
    rotation: str = "1"
    label: str = "redis"
    storage: str = "1Gi"
    port: str = "6379"
    ns: str = NAMESPACE
    policy: str = "yes"
    mutable: str = "yes"
    force: str = "yes"
    protect: str = "no"
    ingress: str = "no"
    bad: str = "no"
    conf: str = ""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The settings, and what every object needs of the stack."""

    settings: Settings
    provider: k8s.Provider
    namespace: Input[str]

    def options(self, *, protect: bool = False) -> ResourceOptions:
        return ResourceOptions(provider=self.provider, protect=protect and self.settings.protect == "yes")

    def metadata(self, name: str) -> k8s.meta.v1.ObjectMetaArgsDict:
        return {"name": name, "namespace": self.namespace}


def deploy(settings: Settings, kubeconfig: Path, context: str) -> None:
    """Declare the stack in the cluster of `context`."""
    mutable = settings.mutable == "yes"
    provider = k8s.Provider(
        "cluster",
        kubeconfig=str(kubeconfig),
        context=context,
        cluster_identifier="local",
        enable_secret_mutable=mutable,
        enable_config_map_mutable=mutable,
        enable_patch_force=settings.force == "yes",
    )
    protected = ResourceOptions(provider=provider, protect=settings.protect == "yes")
    namespace = k8s.core.v1.Namespace("namespace", metadata={"name": settings.ns}, opts=protected)
    stack = Stack(settings=settings, provider=provider, namespace=namespace.metadata["name"])

    secret = _secrets(stack)
    config_map = _config_maps(stack)
    _redis(stack, secret, config_map)
    _database(stack)
    if settings.policy == "yes":
        k8s.networking.v1.NetworkPolicy(
            "default-deny",
            metadata=stack.metadata("default-deny"),
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=stack.options(),
        )
    if settings.ingress != "no":
        _ingress(stack)
    _what_fails(stack)
    pulumi.export("redis_cache_url", secret.string_data["cache-url"])
    pulumi.export("namespace", stack.namespace)


def _secrets(stack: Stack) -> k8s.core.v1.Secret:
    password = random.RandomPassword(
        "redis-password",
        length=32,
        special=False,
        keepers={"rotation": stack.settings.rotation},
        opts=ResourceOptions(protect=stack.settings.protect == "yes"),
    )
    random.RandomBytes("secret-key", length=32)
    url = Output.concat("redis://openwebui:", password.result, "@redis-service:6379/0")
    return k8s.core.v1.Secret(
        "redis-config",
        metadata=stack.metadata("redis-config"),
        string_data={"cache-url": url},
        opts=stack.options(),
    )


def _config_maps(stack: Stack) -> k8s.core.v1.ConfigMap:
    conf = stack.settings.conf
    k8s.core.v1.ConfigMap(
        "autonamed", metadata={"namespace": stack.namespace}, data={"a": conf or "x"}, opts=stack.options()
    )
    return k8s.core.v1.ConfigMap(
        "redis-settings",
        metadata=stack.metadata("redis-settings"),
        data={"redis.conf": conf or "maxmemory 512mb"},
        opts=stack.options(),
    )


def _redis(stack: Stack, secret: k8s.core.v1.Secret, config_map: k8s.core.v1.ConfigMap) -> None:
    labels = {"app": stack.settings.label}
    contents = Output.all(secret.data, config_map.data)
    checksum = Output.unsecret(
        contents.apply(lambda data: hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest())
    )
    container: k8s.core.v1.ContainerArgsDict = {
        "name": "redis",
        "image": stack.settings.image,
        "resources": {"limits": {"memory": "704Mi"}},
        "env": [
            {
                "name": "URL",
                "value_from": {"secret_key_ref": {"name": secret.metadata["name"], "key": "cache-url"}},
            }
        ],
    }
    k8s.apps.v1.Deployment(
        "redis",
        metadata=stack.metadata("redis"),
        spec={
            "replicas": int(stack.settings.replicas),
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"checksum/config": checksum}},
                "spec": {"containers": [container]},
            },
        },
        opts=stack.options(),
    )
    k8s.core.v1.Service(
        "redis-service",
        metadata=stack.metadata("redis-service"),
        spec={"selector": labels, "ports": [{"name": "redis", "port": int(stack.settings.port)}]},
        opts=stack.options(),
    )
    k8s.policy.v1.PodDisruptionBudget(
        "redis",
        metadata=stack.metadata("redis"),
        spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
        opts=stack.options(),
    )


def _database(stack: Stack) -> None:
    k8s.core.v1.Service(
        "postgres",
        metadata=stack.metadata("postgres"),
        spec={"selector": DATABASE_LABELS, "cluster_ip": "None", "ports": [{"port": 5432}]},
        opts=stack.options(),
    )
    claim: k8s.core.v1.PersistentVolumeClaimSpecArgsDict = {
        "access_modes": ["ReadWriteOnce"],
        "storage_class_name": "manual",
        "resources": {"requests": {"storage": stack.settings.storage}},
    }
    k8s.apps.v1.StatefulSet(
        "postgres",
        metadata=stack.metadata("postgres"),
        spec={
            "service_name": "postgres",
            "replicas": 1,
            "selector": {"match_labels": DATABASE_LABELS},
            "template": {
                "metadata": {"labels": DATABASE_LABELS},
                "spec": {"containers": [{"name": "postgres", "image": "pgvector/pgvector:pg17"}]},
            },
            "volume_claim_templates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
        opts=stack.options(protect=True),
    )


def _ingress(stack: Stack) -> None:
    skip = {"pulumi.com/skipAwait": "true"} if stack.settings.ingress == "skip" else {}
    rule: k8s.networking.v1.IngressRuleArgsDict = {
        "host": "chat.example.com",
        "http": {
            "paths": [
                {
                    "path": "/",
                    "path_type": "Prefix",
                    "backend": {"service": {"name": "redis-service", "port": {"number": 6379}}},
                }
            ]
        },
    }
    k8s.networking.v1.Ingress(
        "open-webui",
        metadata={**stack.metadata("open-webui"), "annotations": {"pulumi.com/timeoutSeconds": "8", **skip}},
        spec={"rules": [rule]},
        opts=stack.options(),
    )


def _what_fails(stack: Stack) -> None:
    """The setting `bad`: one object that the API server refuses or that never becomes ready."""
    bad = stack.settings.bad
    if bad == "exists":
        k8s.core.v1.ConfigMap("exists", metadata=stack.metadata("already-there"), data={"a": "b"}, opts=stack.options())
    if bad == "field":
        k8s.core.v1.ConfigMap(
            "field",
            metadata={**stack.metadata("field"), "labels": {"bad label!": "x"}},
            data={"a": "b"},
            opts=stack.options(),
        )
    if bad == "kind":
        k8s.apiextensions.CustomResource(
            "route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=stack.metadata("r"),
            spec={},
            opts=stack.options(),
        )
    if bad == "image":
        pod: k8s.core.v1.PodSpecArgsDict = {
            "node_selector": {"no": "node"},
            "containers": [{"name": "x", "image": "y"}],
        }
        k8s.apps.v1.Deployment(
            "never",
            metadata={**stack.metadata("never"), "annotations": {"pulumi.com/timeoutSeconds": "8"}},
            spec={
                "selector": {"match_labels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod},
            },
            opts=stack.options(),
        )
