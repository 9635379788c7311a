// A chat for one team: the stack as a component of another program.
import * as k8s from "@pulumi/kubernetes";
import * as openWebui from "@pulumi/open-webui-stack";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

// The names are fixed, so Secrets and ConfigMaps change in place. The last option overrides manual changes.
const cluster = new k8s.Provider("cluster", {
    context: config.require("kubeContext"),
    kubeconfig: "",
    clusterIdentifier: "team-chat",
    enableSecretMutable: true,
    enableConfigMapMutable: true,
    enablePatchForce: true,
});

const chat = new openWebui.OpenWebUIStack("chat", {
    namespace: "team-chat",
    openWebui: {
        replicas: config.getNumber("replicas") ?? 2,
        openaiApiBaseUrl: "https://models.example.com/v1",
        uploads: { acceptLoss: true },
    },
    openaiApiKey: config.requireSecret("openaiApiKey"),
}, { providers: { kubernetes: cluster } });

export const url = chat.webuiUrl;
export const databaseUrl = chat.databaseUrl;
