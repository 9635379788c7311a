"""Ollama as one ComponentResource: the server, the volume of its models, the Job that pulls them, the network rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.children import Children
from ..blocks.component import Component
from ..blocks.egress import egress_rules
from ..blocks.network_policy import allow_from, allow_to, pods
from ..blocks.pod import claim_volume, container_port, plain_variables, restricted_container, restricted_pod
from ..blocks.probes import http_probe
from .names import APP, LABELS, PORT, PULL_LABELS, VOLUME_CLAIM, url
from .pull_job import pull_job
from .settings import OllamaSettings

_MODELS = "/models"
_HOME = "/home/ollama"


@dataclass(frozen=True, kw_only=True)
class OllamaArgs:
    """What Ollama needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of its objects are fixed (`names`)."""

    namespace_name: str
    """The name of the namespace as a plain value, for the network policy."""

    settings: OllamaSettings
    """Validated settings, plain values."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application. Only these and the Job can connect."""

    protect: bool
    """Whether Pulumi refuses to delete the volume."""


class Ollama(Component[OllamaArgs]):
    """A server that runs models. Its API has no authentication: the network policy restricts its clients."""

    TYPE = "open-webui-stack:ollama:Ollama"
    LABELS = LABELS

    egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    """Rules for the pods that connect to it."""

    client_variables: Mapping[str, str]
    """Environment variables of its clients."""

    def create(self) -> None:
        args, children = self.args, self.children(self.args.namespace)
        self.egress = [allow_to([pods(LABELS.selector)], PORT)]
        self.client_variables = {"ENABLE_OLLAMA_API": "true", "OLLAMA_BASE_URL": url(args.namespace_name)}
        server = self._deployment(children)
        service = children.service(APP, port_name=APP, port=PORT)
        children.disruption_budget(APP)
        if args.settings.models:
            pull_job(
                children.of(PULL_LABELS),
                args.settings,
                server=url(args.namespace_name),
                egress=self.egress,
                depends_on=[server, service],
            )

    def _deployment(self, children: Children) -> pulumi.Resource:
        args, settings = self.args, self.args.settings
        depends_on = [
            children.volume_claim(
                VOLUME_CLAIM,
                size=settings.storage.size,
                class_name=settings.storage.class_name,
                protect=args.protect,
            ),
            children.service_account(APP),
            children.network_policy(
                APP,
                ingress=[allow_from([pods(client) for client in (*args.clients, PULL_LABELS.selector)], PORT)],
                egress=egress_rules(settings.destinations, args.namespace_name),
            ),
        ]
        return k8s.apps.v1.Deployment(
            APP,
            metadata=children.metadata(APP),
            spec={
                "replicas": 1,
                "revision_history_limit": 2,
                # The old pod ends first, because only one node can mount the volume, and the old pod uses the GPUs.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": LABELS.selector},
                "template": children.pod_template(self._pod()),
            },
            opts=children.options(depends_on=depends_on),
        )

    def _pod(self) -> PodSpecArgsDict:
        return restricted_pod(
            APP,
            {
                # An answer in progress may take as long as a client waits.
                "termination_grace_period_seconds": 60,
                "containers": [self._server()],
                "volumes": [
                    claim_volume("models", VOLUME_CLAIM),
                    # Ollama's key for requests to the registry, and the history of its client.
                    {"name": "home", "empty_dir": {"size_limit": "16Mi"}},
                    {"name": "tmp", "empty_dir": {}},
                ],
            },
        )

    def _server(self) -> ContainerArgsDict:
        settings = self.args.settings
        own = {"HOME": _HOME, "OLLAMA_HOST": f"0.0.0.0:{PORT}", "OLLAMA_MODELS": _MODELS}
        return restricted_container(
            {
                "name": APP,
                "image": settings.image,
                "command": ["ollama", "serve"],
                "env": plain_variables({**own, **settings.variables()}),
                "ports": [container_port(APP, PORT)],
                # The port opens when the GPUs are found, and unused parts of models are deleted.
                "startup_probe": http_probe("/api/version", port=APP, period_seconds=2, failure_threshold=150),
                # It lists the models on the volume, so it fails if the volume fails.
                "readiness_probe": http_probe("/api/tags", port=APP, period_seconds=10, failure_threshold=3),
                "liveness_probe": http_probe("/api/version", port=APP, period_seconds=20, failure_threshold=6),
                "volume_mounts": [
                    {"name": "models", "mount_path": _MODELS},
                    {"name": "home", "mount_path": _HOME},
                    {"name": "tmp", "mount_path": "/tmp"},
                ],
            },
            settings.container_resources(),
        )
