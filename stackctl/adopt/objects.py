"""Existing objects of a cluster that a stack adopts."""

import base64
from collections.abc import Iterable
from typing import Any

from kubernetes import client

from devcluster.clusters.api import dynamic_client, find
from devcluster.clusters.choice import Cluster
from terminal.errors import LocalError

from . import plan
from .plan import Resource


class Objects:
    """The objects of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect.

        Raises:
            LocalError: the cluster does not answer.
        """
        self._api = dynamic_client(cluster)

    def matching(self, resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
        """Objects with the kind and name of a resource, by its URN; the values of Secrets as text in ``stringData``.

        Raises:
            LocalError: the cluster did not answer for one of them. The objects are adopted together or not at all.
        """
        existing = {}
        for resource in resources:
            live = find(self._api, resource.inputs)
            if live is None:
                continue
            item = live.to_dict()
            if item["kind"] == "Secret":
                # A value that is not text is not one of the stack's keys.
                values = {name: base64.b64decode(value) for name, value in (item.get("data") or {}).items()}
                item["stringData"] = {name: value.decode(errors="replace") for name, value in values.items()}
            existing[resource.urn] = item
        return existing

    def make_recreate(self, item: dict[str, Any]) -> None:
        """Set the strategy Recreate on a Deployment. Its pods stay, because their template is the same.

        An apply cannot do this: the default fields of the other strategy have no field manager, so they stay.

        Args:
            item: the Deployment; it is changed in place to the new strategy.

        Raises:
            LocalError: the cluster refuses.
        """
        kind = self._api.resources.get(api_version=item["apiVersion"], kind=item["kind"])
        try:
            self._api.patch(
                kind,
                name=item["metadata"]["name"],
                namespace=item["metadata"]["namespace"],
                body={"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
                content_type="application/merge-patch+json",
            )
        except client.ApiException as error:
            raise _refused(f"{plan.title(item)} could not be given the strategy Recreate", error) from error
        item["spec"]["strategy"] = {"type": "Recreate"}

    def workloads(self, namespace: str) -> list[dict[str, Any]]:
        """The Deployments, StatefulSets and DaemonSets of a namespace.

        Raises:
            LocalError: the cluster refuses.
        """
        items: list[dict[str, Any]] = []
        for name in ("Deployment", "StatefulSet", "DaemonSet"):
            kind = self._api.resources.get(api_version="apps/v1", kind=name)
            try:
                items += self._api.get(kind, namespace=namespace).to_dict()["items"]
            except client.ApiException as error:
                raise _refused(f"the {name}s of {namespace} could not be listed", error) from error
        return items


def _refused(problem: str, error: client.ApiException) -> LocalError:
    return LocalError(f"nothing was adopted: {problem}, the cluster answers {error.status} {error.reason}")
