// A chat for one team from its parts: Redis, PostgreSQL and Open WebUI in one namespace of this program.
import * as k8s from "@pulumi/kubernetes";
import * as openWebui from "@pulumi/open-webui-stack";
import * as pulumi from "@pulumi/pulumi";

const NAMESPACE = "team-parts";
const config = new pulumi.Config();

// The names are fixed, so Secrets and ConfigMaps change in place. The last option overrides manual changes.
const cluster = new k8s.Provider("cluster", {
    context: config.require("kubeContext"),
    kubeconfig: "",
    clusterIdentifier: NAMESPACE,
    enableSecretMutable: true,
    enableConfigMapMutable: true,
    enablePatchForce: true,
});

const namespace = new k8s.core.v1.Namespace("namespace", {
    metadata: { name: NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
}, { provider: cluster });
const options = { providers: { kubernetes: cluster }, dependsOn: [namespace] };

const redis = new openWebui.Redis("redis", {
    namespace: NAMESPACE,
    createNamespace: false,
    redis: { maxmemory: "256mb", clients: [{ podLabels: { app: "reports" } }] },
}, options);

const database = new openWebui.PostgreSQL("database", {
    namespace: NAMESPACE,
    createNamespace: false,
    postgresql: { storage: { size: "20Gi" }, clients: [{ namespace: "analytics" }] },
}, options);

const chat = new openWebui.OpenWebUI("chat", {
    namespace: NAMESPACE,
    createNamespace: false,
    // Plain values: the network policy of the web pods follows from them.
    redis: { external: { hosts: `redis-service.${NAMESPACE}.svc` } },
    postgresql: { external: { hosts: `postgres.${NAMESPACE}.svc` } },
    redisCacheUrl: redis.redisCacheUrl,
    redisWebsocketUrl: redis.redisWebsocketUrl,
    databaseUrl: database.databaseUrl,
    openWebui: { replicas: config.getNumber("replicas") ?? 2, uploads: { acceptLoss: true } },
}, options);

export const url = chat.webuiUrl;
export const databaseUrl = database.databaseUrl;
