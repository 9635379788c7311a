"""What the keys of Open WebUI and of the whole stack do."""

import json

from stack_config.cluster_access import service_account_kubeconfig
from tests.support.unit.effects import Effect, amounts, inputs, variable

PUBLIC = ("openWebui.host=chat.example.com",)

INGRESS = (*PUBLIC, "openWebui.ingress.enabled=true", "openWebui.ingress.className=nginx")

HOST = "chat.example.com"

ANNOTATIONS = ("metadata", "annotations")

AUTOSCALER = ("HorizontalPodAutoscaler", "open-webui", "spec")

BUDGET = ("PodDisruptionBudget", "open-webui", "spec")


KUBECONFIG = json.dumps({"clusters": [], "contexts": [{"name": "test", "context": {}}], "users": []})

EFFECTS: dict[str, Effect] = {
    "namespace": Effect(value="other", shows=inputs("Namespace", "namespace", "metadata", "name"), expected="other"),
    "createNamespace": Effect(
        value="false",
        shows=lambda r: [each.name for each in r.objects if each.kind == "Namespace"],
        expected=[],
    ),
    "quota.enabled": Effect(
        value="false",
        shows=lambda r: [each.name for each in r.objects if each.kind in ("ResourceQuota", "LimitRange")],
        expected=[],
    ),
    "cluster.mode": Effect(
        value="inCluster",
        shows=lambda r: (r.one("kubernetes", "cluster").plain("kubeconfig"), r.one("kubernetes").inputs.get("context")),
        expected=(service_account_kubeconfig(), None),
    ),
    "kubeconfig": Effect(
        value="",
        sets=("cluster.mode=kubeconfig",),
        secrets={"kubeconfig": KUBECONFIG},
        shows=lambda r: (r.one("kubernetes", "cluster").plain("kubeconfig"), r.one("kubernetes").inputs["context"]),
        expected=(KUBECONFIG, "test"),
    ),
    "kubeContext": Effect(value="there", shows=inputs("kubernetes", "cluster", "context"), expected="there"),
    "protect": Effect(
        value="true",
        shows=lambda r: (r.one("Namespace").protect, r.one("PersistentVolumeClaim", "postgres-data").retain_on_delete),
        expected=(True, True),
    ),
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
    "openWebui.imageDigest": Effect(
        value=f"sha256:{'a' * 64}",
        shows=lambda r: r.containers["open-webui/open-webui"]["image"],
        expected=f"ghcr.io/open-webui/open-webui:v0.12.4-slim@sha256:{'a' * 64}",
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
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "nginx.ingress.kubernetes.io/affinity"),
        expected="cookie",
    ),
    "openWebui.ingress.controller": Effect(
        value="traefik",
        sets=INGRESS,
        shows=lambda r: [
            name for name in r.one("Ingress").inputs["metadata"]["annotations"] if name.startswith("nginx")
        ],
        expected=[],
    ),
    "openWebui.ingress.controllerLabels": Effect(
        value="",
        sets=(*INGRESS, "openWebui.ingress.controllerLabels.app=gateway"),
        shows=inputs("NetworkPolicy", "open-webui", "spec", "ingress", 0, "from", 0, "podSelector", "matchLabels"),
        expected={"app": "gateway"},
    ),
    "openWebui.ingress.allowedCidrs": Effect(
        value="",
        sets=("openWebui.ingress.allowedCidrs[0]=10.20.0.0/16",),
        shows=inputs("NetworkPolicy", "open-webui", "spec", "ingress", 0, "from"),
        expected=[{"ipBlock": {"cidr": "10.20.0.0/16"}}],
    ),
    "openWebui.egress": Effect(
        value="",
        sets=("openWebui.egress[0]=10.20.0.0/16:8443",),
        shows=inputs("NetworkPolicy", "open-webui", "spec", "egress", -1),
        expected={
            "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}],
            "ports": [{"protocol": "TCP", "port": 8443}],
        },
    ),
    "openWebui.additionalHosts": Effect(
        value="",
        sets=(*PUBLIC, "openWebui.additionalHosts[0]=chat.example.org"),
        shows=variable("CORS_ALLOW_ORIGIN"),
        expected=f"http://{HOST};http://chat.example.org",
    ),
    "openWebui.publicScheme": Effect(
        value="https", sets=PUBLIC, shows=variable("WEBUI_SESSION_COOKIE_SECURE"), expected="true"
    ),
    "openWebui.publicPort": Effect(
        value="8443", sets=PUBLIC, shows=lambda r: r.outputs["webui_url"][0].rpartition(":")[2], expected="8443"
    ),
    "podSecurityVersion": Effect(
        value="v1.34",
        shows=inputs("Namespace", "namespace", "metadata", "labels", "pod-security.kubernetes.io/enforce-version"),
        expected="v1.34",
    ),
    "dns.preset": Effect(
        value="openshift",
        shows=inputs("NetworkPolicy", "default-deny", "spec", "egress"),
        expected=[
            {
                "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}}}],
                "ports": [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}],
            }
        ],
    ),
    "dns.namespace": Effect(
        value="dns",
        shows=inputs("NetworkPolicy", "default-deny", "spec", "egress", 0, "to", 0, "namespaceSelector", "matchLabels"),
        expected={"kubernetes.io/metadata.name": "dns"},
    ),
    "dns.port": Effect(
        value="1053",
        shows=inputs("NetworkPolicy", "default-deny", "spec", "egress", 0, "ports", 0, "port"),
        expected=1053,
    ),
    "dns.cidrs": Effect(
        value="",
        sets=("dns.cidrs[0]=10.96.0.10/32",),
        shows=lambda r: r.one("NetworkPolicy", "default-deny").inputs["spec"]["egress"][0]["to"][-1],
        expected={"ipBlock": {"cidr": "10.96.0.10/32"}},
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
    "openWebui.performance.answerChunk": Effect(
        value="8", shows=variable("CHAT_RESPONSE_STREAM_DELTA_CHUNK_SIZE"), expected="8"
    ),
    "openWebui.performance.threads": Effect(value="80", shows=variable("THREAD_POOL_SIZE"), expected="80"),
    "openWebui.performance.compression": Effect(
        value="false", shows=variable("ENABLE_COMPRESSION_MIDDLEWARE"), expected="false"
    ),
    "openWebui.performance.cacheModelList": Effect(
        value="true", shows=variable("ENABLE_BASE_MODELS_CACHE"), expected="true"
    ),
    "openWebui.documents.dimensions": Effect(
        value="3072",
        shows=lambda r: (variable("PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH")(r), variable("PGVECTOR_USE_HALFVEC")(r)),
        expected=("3072", "true"),
    ),
    "openWebui.documents.halfPrecision": Effect(value="true", shows=variable("PGVECTOR_USE_HALFVEC"), expected="true"),
    "openWebui.drainSeconds": Effect(
        value="300",
        shows=lambda r: (
            r.containers["open-webui/open-webui"]["command"][3],
            r.pods["open-webui"]["terminationGracePeriodSeconds"],
        ),
        expected=("300", 360),
    ),
    "openWebui.migrationSeconds": Effect(
        value="3600",
        shows=lambda r: (
            [v for v in r.containers["open-webui/migrate"]["env"] if v["name"] == "MIGRATE_RUN_SECONDS"],
            r.one("Deployment", "open-webui").inputs["spec"]["progressDeadlineSeconds"],
        ),
        expected=([{"name": "MIGRATE_RUN_SECONDS", "value": "3600"}], 9130),
    ),
    "openWebui.schemaUpgrade": Effect(value="handover", shows=variable("SCHEMA_UPGRADE"), expected="handover"),
    "openWebui.logLevel": Effect(value="ERROR", shows=variable("GLOBAL_LOG_LEVEL"), expected="ERROR"),
    "openWebui.pluginEnv": Effect(
        value="", sets=("openWebui.pluginEnv.MY_REGION=eu",), shows=variable("MY_REGION"), expected="eu"
    ),
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
    "redis.exporterImage": Effect(
        value="mirror/redis_exporter:v1.70.0",
        sets=("monitoring.enabled=true",),
        shows=lambda r: r.containers["redis/exporter"]["image"],
        expected="mirror/redis_exporter:v1.70.0",
    ),
    "postgresql.exporterImage": Effect(
        value="mirror/postgres-exporter:v0.19.1",
        sets=("monitoring.enabled=true",),
        shows=lambda r: r.containers["postgres/exporter"]["image"],
        expected="mirror/postgres-exporter:v0.19.1",
    ),
    "monitoring.enabled": Effect(
        value="true",
        shows=lambda r: {name for name in r.containers if name.endswith("/exporter")},
        expected={"redis/exporter", "postgres/exporter"},
    ),
    "monitoring.namespace": Effect(
        value="watch",
        sets=("monitoring.enabled=true",),
        shows=lambda r: [
            r.one("NetworkPolicy", server).inputs["spec"]["ingress"][1]["from"][0]["namespaceSelector"]["matchLabels"]
            for server in ("redis", "postgres")
        ],
        expected=[{"kubernetes.io/metadata.name": "watch"}] * 2,
    ),
    "monitoring.operator": Effect(
        value="true",
        sets=("monitoring.enabled=true",),
        shows=lambda r: [
            (
                r.one("ServiceMonitor", f"{server}-monitor").inputs["spec"]["endpoints"][0]["port"],
                len(r.one("PrometheusRule", f"{server}-alerts").inputs["spec"]["groups"][0]["rules"]) >= least,
                "panels" in r.one("ConfigMap", f"{server}-dashboard").inputs["data"][file],
            )
            for server, file, least in (
                ("redis", "open-webui-stack-redis.json", 7),
                ("postgres", "open-webui-stack-postgresql.json", 10),
            )
        ],
        expected=[("metrics", True, True)] * 2,
    ),
    "openaiApiKey": Effect(
        value="",
        sets=("openWebui.openaiApiBaseUrl=https://models.example.com",),
        secrets={"openaiApiKey": "sk-1"},
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "openai-api-key"),
        expected="sk-1",
    ),
}
