"""Clients of the API server of a cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config, dynamic

from terminal.errors import LocalError

from .choice import Cluster


def is_ready(kubeconfig: Path, context: str) -> bool:
    """Whether the API server answers within two seconds."""
    try:
        api = api_client(kubeconfig, context)
        api.configuration.retries = False
        client.CoreV1Api(api).list_namespace(limit=1, _request_timeout=2)
    except (client.ApiException, urllib3.exceptions.HTTPError, config.ConfigException, OSError):
        return False
    return True


def api_client(kubeconfig: Path, context: str) -> client.ApiClient:
    """A client for a context of a kubeconfig."""
    api: client.ApiClient = config.new_client_from_config(config_file=str(kubeconfig), context=context)
    return api


def dynamic_client(cluster: Cluster) -> dynamic.DynamicClient:
    """A client for objects of any kind, custom ones included.

    Raises:
        LocalError: the cluster does not answer, or the context does not exist.
    """
    file = str(cluster.kubeconfig) if cluster.kubeconfig else None
    try:
        return dynamic.DynamicClient(config.new_client_from_config(config_file=file, context=cluster.context))
    except (client.ApiException, urllib3.exceptions.HTTPError, config.ConfigException) as error:
        raise LocalError(f"the cluster of the context {cluster.context} does not answer: {error}") from error


def find(api: dynamic.DynamicClient, manifest: Mapping[str, Any]) -> Any | None:
    """The object with the kind, namespace and name of a manifest; None if it or its kind does not exist.

    Raises:
        LocalError: the API server does not answer. Treating that as None would create the object a second time.
    """
    metadata = manifest["metadata"]
    try:
        kind = api.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        return api.get(kind, name=metadata["name"], namespace=metadata.get("namespace"))
    except dynamic.exceptions.ResourceNotFoundError:
        return None
    except client.ApiException as error:
        if error.status == 404:
            return None
        raise LocalError(f"{manifest['kind']}/{metadata['name']} cannot be read: {error.reason}") from error
    except urllib3.exceptions.HTTPError as error:
        raise LocalError(f"the cluster does not answer: {error}") from error


def create_missing(create: Any, manifest: dict[str, Any], **place: str) -> None:
    """Create an object unless it exists."""
    try:
        create(body=manifest, **place)
    except client.ApiException as error:
        if error.status != 409:
            raise
