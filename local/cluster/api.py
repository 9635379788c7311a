"""The API server of a cluster of this project."""

from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config


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


def create_missing(create: Any, manifest: dict[str, Any], **place: str) -> None:
    """Create an object; one that is there already stays as it is."""
    try:
        create(body=manifest, **place)
    except client.ApiException as error:
        if error.status != 409:
            raise
