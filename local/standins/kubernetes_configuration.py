"""Configuration of the kubernetes provider: what it accepts, which cluster it means, when it is another one."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .property_values import Properties, Unknown

_SERVED = frozenset(
    [
        "kubeconfig",
        "context",
        "namespace",
        "clusterIdentifier",
        "enableSecretMutable",
        "enableConfigMapMutable",
        "enablePatchForce",
        "enableServerSideApply",
    ]
)
# Known to change nothing that a stand-in does; `version` and the like are the engine's own.
_HARMLESS = frozenset(
    [
        "kubeClientSettings",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "version",
        "pluginDownloadURL",
        "__internal",
    ]
)


def unserved_options(options: Properties) -> list[str]:
    """Names of options that would change what the provider does and that the stand-in does not serve."""
    return sorted(
        name
        for name, value in options.items()
        if name not in _HARMLESS
        and ((name not in _SERVED and value not in (None, "", "false", False)) or _client_side_apply(name, value))
    )


def _client_side_apply(name: str, value: Any) -> bool:
    return name == "enableServerSideApply" and value in ("false", False)


@dataclass(frozen=True)
class Configuration:
    """Provider options, checked: booleans arrive as the strings `true` and `false`."""

    options: Properties

    def enabled(self, name: str) -> bool:
        return self.options.get(name) in (True, "true")

    @cached_property
    def namespace(self) -> str:
        """Namespace of objects that name none: the option, else the context's, else `default`."""
        return self.options.get("namespace") or self._entry("contexts", self._context).get("namespace") or "default"

    @property
    def active_cluster(self) -> dict[str, Any]:
        """The kubeconfig's entry for the cluster of the context; empty if there is none."""
        return self._entry("clusters", self._entry("contexts", self._context).get("cluster", ""))

    def client(self, connections: int) -> Any:
        """The official client for the context, with room for that many connections."""
        from kubernetes import config

        # Another process may be reading the user's file: refreshed tokens are not written back.
        arguments = {"context": self.options.get("context") or None, "persist_config": False}
        path = self._path
        if path is None and self.options.get("kubeconfig"):
            del arguments["persist_config"]
            client = config.new_client_from_config_dict(self._kubeconfig, **arguments)
        else:
            client = config.new_client_from_config(str(path) if path else None, **arguments)
        client.configuration.connection_pool_maxsize = connections
        client.configuration.retries = 1
        return type(client)(client.configuration)

    @property
    def _context(self) -> str:
        return str(self.options.get("context") or self._kubeconfig.get("current-context", ""))

    @property
    def _path(self) -> Path | None:
        """The kubeconfig option as a file; None if it is missing or has the contents."""
        given = self.options.get("kubeconfig")
        if not isinstance(given, str) or not given or "\n" in given or given.startswith("{"):
            return None
        return Path(given).expanduser()

    @cached_property
    def _kubeconfig(self) -> dict[str, Any]:
        import yaml

        given = self.options.get("kubeconfig")
        if isinstance(given, dict):
            return given
        path = self._path or (None if given else Path("~/.kube/config").expanduser())
        try:
            loaded = yaml.safe_load(path.read_text() if path else str(given))
        except (OSError, yaml.YAMLError):
            return {}  # told with its reason by the first request that needs the cluster
        return loaded if isinstance(loaded, dict) else {}

    def _entry(self, section: str, name: str) -> dict[str, Any]:
        entries = self._kubeconfig.get(section) or []
        found: dict[str, Any] = next((entry for entry in entries if entry.get("name") == name), {})
        inner: dict[str, Any] = found.get(section.removesuffix("s")) or {}
        return inner


def configuration_changes(old: Properties, new: Properties) -> tuple[list[str], list[str]]:
    """Names of changed options, and of those for which everything in the cluster has to be replaced.

    As in the official provider: with an unchanged `clusterIdentifier` never, with a changed one always, without one if
    the kubeconfig's entry for the active cluster differs or cannot be known yet.
    """
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    identifier, earlier = new.get("clusterIdentifier"), old.get("clusterIdentifier")
    if identifier and identifier == earlier:
        return changed, []
    replaces = ["clusterIdentifier"] if identifier and earlier and identifier != earlier else []
    cluster_options = [name for name in ("kubeconfig", "context", "cluster") if name in changed]
    if any(isinstance(new.get(name), Unknown) for name in cluster_options):
        return changed, replaces + cluster_options
    before, after = (Configuration(options).active_cluster for options in (old, new))
    if before and after and json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
        replaces += cluster_options
    return changed, replaces
