"""Proxy and private certificate authorities in the containers of a pod."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .destinations import destination_of_url, is_inside
from .outside_settings import BUNDLE_VARIABLES, CaBundleSettings, OutsidePodSettings, ProxySettings
from .pod_security import container_security_context
from .resources import ContainerResources

_SOURCE_VOLUME = "private-ca"
_SOURCE_DIRECTORY = "/etc/private-ca"
_DIRECTORY = "/etc/ca-bundle"
BUNDLE = f"{_DIRECTORY}/ca-bundle.crt"
"""File with the authorities of the image and the private ones."""

# Always reached without the proxy: the pod itself and the names of Services, with any domain of the cluster.
_INSIDE = ("localhost", "127.0.0.1", "::1", ".svc", ".svc.cluster.local", ".cluster.local")

_SCRIPT = (Path(__file__).with_name("files") / "ca-bundle.sh").read_text()


def bundle_resources() -> ContainerResources:
    """`resources` of the container that writes the bundle."""
    return {
        "requests": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "100m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
    }


def proxy_variables(proxy: ProxySettings, hosts_inside: Sequence[str]) -> list[dict[str, Any]]:
    """Environment variables of the proxy; empty without a proxy.

    Args:
        proxy: the proxy.
        hosts_inside: hosts of the cluster that the pod connects to by names without `.svc`.
    """
    if not proxy.urls:
        return []
    values = {
        "HTTP_PROXY": proxy.http_proxy,
        "HTTPS_PROXY": proxy.https_proxy,
        "NO_PROXY": ",".join(dict.fromkeys([*_INSIDE, *hosts_inside, *proxy.no_proxy])),
    }
    present = {name: value for name, value in values.items() if value}
    return [{"name": spelling, "value": value} for name, value in present.items() for spelling in (name, name.lower())]


def with_outside_connections(
    spec: dict[str, Any], settings: OutsidePodSettings, hosts_inside: Sequence[str]
) -> dict[str, Any]:
    """The spec of a pod whose containers use the proxy and trust the private authorities."""
    variables = proxy_variables(settings.proxy, [*hosts_inside, *_hosts_in_variables(spec)])
    mounts: list[dict[str, Any]] = []
    first: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    if settings.ca_bundle.is_set:
        variables += [{"name": name, "value": BUNDLE} for name in BUNDLE_VARIABLES]
        mounts = [{"name": "ca-bundle", "mount_path": _DIRECTORY, "read_only": True}]
        # The image of the first init container, if there is one: in a pod with several images, this image connects
        # outside.
        image = [*spec["containers"][:1], *spec.get("init_containers", [])][-1]["image"]
        first = [_bundle_container(image, settings.ca_bundle)]
        volumes = [_source_volume(settings.ca_bundle), {"name": "ca-bundle", "empty_dir": {"size_limit": "8Mi"}}]
    if not variables:
        return spec

    def connected(container: dict[str, Any]) -> dict[str, Any]:
        added: dict[str, Any] = {"env": [*container.get("env", []), *variables]}
        if mounts:
            added["volume_mounts"] = [*container.get("volume_mounts", []), *mounts]
        return {**container, **added}

    own = [connected(container) for container in spec.get("init_containers", [])]
    inits = {"init_containers": [*first, *own]} if first or own else {}
    return {
        **spec,
        **inits,
        "containers": [connected(container) for container in spec["containers"]],
        **({"volumes": [*spec.get("volumes", []), *volumes]} if volumes else {}),
    }


def private_authorities(bundle: CaBundleSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str | None]:
    """Volumes and mounts of the private certificates alone, and their file; empty without a bundle. For a container
    that adds them to the authorities of its image itself, because its image has no shell or because it does not
    restart when they change.
    """
    if not bundle.is_set:
        return [], [], None
    mount = {"name": _SOURCE_VOLUME, "mount_path": _SOURCE_DIRECTORY, "read_only": True}
    return [_source_volume(bundle)], [mount], f"{_SOURCE_DIRECTORY}/{bundle.key}"


def _hosts_in_variables(spec: dict[str, Any]) -> Iterator[str]:
    """Hosts of the cluster in the URLs that the containers get: those of other components have names without a dot."""
    containers = [*spec.get("init_containers", []), *spec["containers"]]
    values = (variable.get("value") for container in containers for variable in container.get("env", []))
    for value in values:
        for url in value.split(";") if isinstance(value, str) else ():
            destination = destination_of_url(url)
            if destination and is_inside(destination):
                yield destination.host


def _bundle_container(image: str, bundle: CaBundleSettings) -> dict[str, Any]:
    described = f"ConfigMap {bundle.config_map}" if bundle.config_map else f"Secret {bundle.secret}"
    variables = {
        "CA_DIRECTORY": _SOURCE_DIRECTORY,
        "CA_FILE": bundle.key,
        "CA_SOURCE": described,
        "CA_COMBINED": BUNDLE,
    }
    return {
        "name": "ca-bundle",
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": ["sh", "-c", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": bundle_resources(),
        "security_context": container_security_context(),
        "volume_mounts": [
            {"name": _SOURCE_VOLUME, "mount_path": _SOURCE_DIRECTORY, "read_only": True},
            {"name": "ca-bundle", "mount_path": _DIRECTORY},
        ],
    }


def _source_volume(bundle: CaBundleSettings) -> dict[str, Any]:
    items = [{"key": bundle.key, "path": bundle.key}]
    source: dict[str, Any] = (
        {"config_map": {"name": bundle.config_map, "items": items}}
        if bundle.config_map
        else {"secret": {"secret_name": bundle.secret, "items": items}}
    )
    return {"name": _SOURCE_VOLUME, **source}
