"""A chat for one team: the stack as a component of another program."""

import pulumi
import pulumi_kubernetes as k8s
import pulumi_open_webui_stack as open_webui

config = pulumi.Config()

# The names are fixed, so Secrets and ConfigMaps change in place. The last option overrides manual changes.
cluster = k8s.Provider(
    "cluster",
    context=config.require("kubeContext"),
    kubeconfig="",
    cluster_identifier="team-chat",
    enable_secret_mutable=True,
    enable_config_map_mutable=True,
    enable_patch_force=True,
)

chat = open_webui.OpenWebUIStack(
    "chat",
    namespace="team-chat",
    open_webui={
        "replicas": config.get_int("replicas") or 2,
        "openai_api_base_url": "https://models.example.com/v1",
        "uploads": {"accept_loss": True},
    },
    openai_api_key=config.require_secret("openaiApiKey"),
    opts=pulumi.ResourceOptions(providers={"kubernetes": cluster}),
)

pulumi.export("url", chat.webui_url)
pulumi.export("databaseUrl", chat.database_url)
