"""A component's children: objects in one namespace, with the labels of one application."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.core.v1 import PodSpecArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict, NetworkPolicyIngressRuleArgsDict

from .connection import ConnectionSecret
from .customized_pod import customized
from .disruption_budget import disruption_budget
from .extra_settings import ComponentPodSettings
from .generated_secrets import checksum
from .labels import Labels
from .network_policy import network_policy
from .pod_settings import PodSettings
from .service import service
from .service_account import service_account
from .volume_claim import AccessMode, volume_claim_spec

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Annotation of an object that Pulumi does not wait for."""


def stateful(protect: bool) -> dict[str, bool]:
    """Options of an object that cannot be created again: Pulumi refuses to delete or replace it, and leaves it in the
    cluster."""
    return {"protect": protect, "retain_on_delete": protect}


@dataclass(frozen=True, kw_only=True)
class Children:
    """Creates objects of the kinds that every component has. The logical name of an object is its name.

    For an object of another kind use `metadata` and `options`.
    """

    component: pulumi.ComponentResource
    """Parent of the objects, from which they inherit the provider."""

    namespace: Input[str]
    """Namespace of the objects."""

    labels: Labels
    """Labels of the objects and of the pods that they select."""

    pods: PodSettings
    """How the pods fit into the cluster."""

    hosts_inside: Sequence[str] = ()
    """Hosts of the cluster that the pods reach without the proxy."""

    def of(self, labels: Labels) -> "Children":
        """The same for another application of the component, such as a Job beside a server.

        Only the component's main application gets the extra volumes and containers.
        """
        pods = self.pods
        if isinstance(pods, ComponentPodSettings) and labels.app != self.labels.app:
            pods = pods.without_extras()
        return dataclasses.replace(self, labels=labels, pods=pods)

    def options(self, **options: Any) -> ResourceOptions:
        """Options of a child: its parent, and ``options``."""
        return ResourceOptions(parent=self.component, **options)

    def metadata(self, name: str, annotations: Mapping[str, Input[str]] | None = None) -> ObjectMetaArgsDict:
        """Metadata of an object of that name."""
        metadata: ObjectMetaArgsDict = {"name": name, "namespace": self.namespace, "labels": self.labels.metadata}
        return metadata if annotations is None else {**metadata, "annotations": annotations}

    def pod_template(
        self,
        spec: PodSpecArgsDict,
        annotations: Mapping[str, Input[str]] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> PodTemplateSpecArgsDict:
        """Template of the application's pods, with what the settings add to every pod.

        Args:
            spec: of `restricted_pod`.
            annotations: annotations of the pods, including the checksums that roll them.
            labels: further labels, which no selector uses.
        """
        metadata: ObjectMetaArgsDict = {"labels": {**self.pods.labels, **(labels or {}), **self.labels.metadata}}
        if annotations is not None or self.pods.annotations:
            metadata = {**metadata, "annotations": {**self.pods.annotations, **(annotations or {})}}
        return {"metadata": metadata, "spec": customized(spec, self.pods, self.hosts_inside)}

    def config_map(self, name: str, data: Mapping[str, str]) -> k8s.core.v1.ConfigMap:
        """A ConfigMap with files."""
        return k8s.core.v1.ConfigMap(name, metadata=self.metadata(name), data=data, opts=self.options())

    def secret(self, name: str, contents: Mapping[str, Input[str]]) -> ConnectionSecret:
        """A Secret, and the reference to it that pods need.

        Args:
            name: name of the Secret.
            contents: keys and values. Secret values must be secret outputs.
        """
        secret = k8s.core.v1.Secret(name, metadata=self.metadata(name), string_data=contents, opts=self.options())
        return ConnectionSecret(name=name, checksum=checksum(contents), resource=secret)

    def volume_claim(
        self,
        name: str,
        *,
        size: str,
        class_name: str | None,
        protect: bool,
        access_mode: AccessMode = "ReadWriteOnce",
        skip_await: bool = False,
    ) -> k8s.core.v1.PersistentVolumeClaim:
        """A PersistentVolumeClaim (see `volume_claim_spec`).

        Args:
            name: name of the PVC.
            size: a quantity.
            class_name: StorageClass; None for the cluster's default class.
            protect: whether Pulumi refuses to delete it and leaves it in the cluster when the stack is destroyed.
            access_mode: how many nodes may mount it.
            skip_await: do not wait until it is bound, for a PVC that no pod of the update mounts.
        """
        return k8s.core.v1.PersistentVolumeClaim(
            name,
            metadata=self.metadata(name, SKIP_AWAIT if skip_await else None),
            spec=volume_claim_spec(size=size, class_name=class_name, access_mode=access_mode),
            opts=self.options(**stateful(protect)),
        )

    def service_account(self, name: str, annotations: Mapping[str, str] | None = None) -> k8s.core.v1.ServiceAccount:
        """The identity of the application's pods (see `service_account`)."""
        return service_account(
            name,
            in_namespace=self.namespace,
            labels=self.labels,
            annotations=annotations,
            opts=self.options(),
        )

    def service(
        self,
        name: str,
        *,
        port_name: str,
        port: int,
        annotations: Mapping[str, str] | None = None,
        headless: bool = False,
        single_server: bool = False,
    ) -> k8s.core.v1.Service:
        """A ClusterIP Service for the application's pods (see `service`)."""
        return service(
            name,
            in_namespace=self.namespace,
            labels=self.labels,
            port_name=port_name,
            port=port,
            annotations=annotations,
            headless=headless,
            single_server=single_server,
            opts=self.options(),
        )

    def network_policy(
        self,
        name: str,
        *,
        ingress: list[NetworkPolicyIngressRuleArgsDict],
        egress: list[NetworkPolicyEgressRuleArgsDict],
        annotations: Mapping[str, str] | None = None,
    ) -> k8s.networking.v1.NetworkPolicy:
        """The allowed connections of the application's pods; all others are denied (see `network_policy`)."""
        return network_policy(
            name,
            in_namespace=self.namespace,
            labels=self.labels.metadata,
            selector=self.labels.selector,
            ingress=ingress,
            egress=egress,
            annotations=annotations,
            opts=self.options(),
        )

    def disruption_budget(self, name: str, *, max_unavailable: int = 1) -> k8s.policy.v1.PodDisruptionBudget:
        """How many of the application's pods a node drain may evict at the same time (see `disruption_budget`)."""
        return disruption_budget(
            name,
            in_namespace=self.namespace,
            labels=self.labels,
            max_unavailable=max_unavailable,
            opts=self.options(),
        )
