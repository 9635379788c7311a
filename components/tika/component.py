"""Tika as one ComponentResource: a Deployment, its Service and the network policy rule for its clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.children import Children
from ..blocks.component import Component
from ..blocks.generated_secrets import checksum
from ..blocks.network_policy import allow_from, allow_to, pods
from ..blocks.pod import container_port, plain_variables, restricted_container, restricted_pod, spread
from ..blocks.probes import http_probe, tcp_probe
from .configuration import CONFIG_FILE, tika_config
from .memory import SUPERVISOR_HEAP
from .names import APP, CONFIG_MAP, LABELS, PORT, URL
from .settings import TikaSettings

CONFIG_DIRECTORY = "/etc/tika"


@dataclass(frozen=True, kw_only=True)
class TikaArgs:
    """What Tika needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of its objects are fixed (`names`)."""

    settings: TikaSettings
    """Validated settings, plain values."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application; no others can."""


class Tika(Component[TikaArgs]):
    """A server that extracts the text of documents. It stores nothing and connects to nothing."""

    TYPE = "open-webui-stack:tika:Tika"
    LABELS = LABELS

    egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    """Rules for the pods that connect to it."""

    client_variables: Mapping[str, str]
    """Environment variables of its clients."""

    def create(self) -> None:
        args, children = self.args, self.children(self.args.namespace)
        self.egress = [allow_to([pods(LABELS.selector)], PORT)]
        self.client_variables = {"TIKA_SERVER_URL": URL}
        policy = children.network_policy(
            # It parses files of users: an exploit must not be able to connect to anything.
            APP,
            ingress=[allow_from([pods(client) for client in args.clients], PORT)],
            egress=[],
        )
        self._deployment(children, policy)
        children.service(APP, port_name=APP, port=PORT)
        if args.settings.replicas > 1:
            children.disruption_budget(APP)

    def _deployment(self, children: Children, policy: pulumi.Resource) -> None:
        configuration = {CONFIG_FILE: tika_config(self.args.settings)}
        k8s.apps.v1.Deployment(
            APP,
            metadata=children.metadata(APP),
            spec={
                "replicas": self.args.settings.replicas,
                "revision_history_limit": 2,
                "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": 1}},
                "selector": {"match_labels": LABELS.selector},
                "template": children.pod_template(self._pod(), {"checksum/config": checksum(configuration)}),
            },
            opts=children.options(
                depends_on=[policy, children.config_map(CONFIG_MAP, configuration), children.service_account(APP)]
            ),
        )

    def _pod(self) -> PodSpecArgsDict:
        return restricted_pod(
            APP,
            {
                "topology_spread_constraints": spread(LABELS),
                "containers": [self._server()],
                "volumes": [
                    {"name": "config", "config_map": {"name": CONFIG_MAP}},
                    {"name": "tmp", "empty_dir": {"size_limit": self.args.settings.temporary_storage}},
                ],
            },
        )

    def _server(self) -> ContainerArgsDict:
        return restricted_container(
            {
                "name": APP,
                "image": self.args.settings.image,
                # Arguments of the image's entrypoint, which names the Java archive of its release.
                "args": ["--config", f"{CONFIG_DIRECTORY}/{CONFIG_FILE}"],
                # Option for both processes; the configuration overrides it for the process that parses.
                "env": plain_variables({"JAVA_TOOL_OPTIONS": f"-Xmx{SUPERVISOR_HEAP}m"}),
                "ports": [container_port(APP, PORT)],
                "startup_probe": http_probe("/version", port=APP, period_seconds=2, failure_threshold=75),
                "readiness_probe": http_probe("/version", port=APP, period_seconds=5, failure_threshold=2),
                # The supervising process restarts a server that hangs or has run out of memory, within seconds.
                "liveness_probe": tcp_probe(APP, period_seconds=20, failure_threshold=6),
                "volume_mounts": [
                    {"name": "config", "mount_path": CONFIG_DIRECTORY, "read_only": True},
                    {"name": "tmp", "mount_path": "/tmp"},
                ],
            },
            self.args.settings.resources.as_kubernetes(),
        )
