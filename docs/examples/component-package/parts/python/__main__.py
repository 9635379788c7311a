"""A chat for one team from its parts: Redis, PostgreSQL and Open WebUI in one namespace of this program."""

import pulumi
import pulumi_kubernetes as k8s
import pulumi_open_webui_stack as open_webui

NAMESPACE = "team-parts"
config = pulumi.Config()

# The names are fixed, so Secrets and ConfigMaps change in place. The last option overrides manual changes.
cluster = k8s.Provider(
    "cluster",
    context=config.require("kubeContext"),
    kubeconfig="",
    cluster_identifier=NAMESPACE,
    enable_secret_mutable=True,
    enable_config_map_mutable=True,
    enable_patch_force=True,
)

namespace = k8s.core.v1.Namespace(
    "namespace",
    metadata={"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    opts=pulumi.ResourceOptions(provider=cluster),
)
options = pulumi.ResourceOptions(providers={"kubernetes": cluster}, depends_on=[namespace])

redis = open_webui.Redis(
    "redis",
    namespace=NAMESPACE,
    create_namespace=False,
    redis={"maxmemory": "256mb", "clients": [{"pod_labels": {"app": "reports"}}]},
    opts=options,
)

database = open_webui.PostgreSQL(
    "database",
    namespace=NAMESPACE,
    create_namespace=False,
    postgresql={"storage": {"size": "20Gi"}, "clients": [{"namespace": "analytics"}]},
    opts=options,
)

chat = open_webui.OpenWebUI(
    "chat",
    namespace=NAMESPACE,
    create_namespace=False,
    # Plain values: the network policy of the web pods follows from them.
    redis={"external": {"hosts": f"redis-service.{NAMESPACE}.svc"}},
    postgresql={"external": {"hosts": f"postgres.{NAMESPACE}.svc"}},
    redis_cache_url=redis.redis_cache_url,
    redis_websocket_url=redis.redis_websocket_url,
    database_url=database.database_url,
    open_webui={"replicas": config.get_int("replicas") or 2, "uploads": {"accept_loss": True}},
    opts=options,
)

pulumi.export("url", chat.webui_url)
pulumi.export("databaseUrl", database.database_url)
