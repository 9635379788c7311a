"""Configuration of the kubernetes provider: what it accepts, which cluster it means, when it is another one.

The rules of the `kubeconfig` option are those of pulumi-kubernetes 4.32 (`Configure`, `DiffConfig` in `provider.go`,
`parseKubeconfigString` in `util.go`).
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .property_values import Properties, Unknown

_SERVED = {
    "kubeconfig": "string",
    "context": "string",
    "namespace": "string",
    "clusterIdentifier": "string",
    "enableSecretMutable": "boolean",
    "enableConfigMapMutable": "boolean",
    "enablePatchForce": "boolean",
    "enableServerSideApply": "boolean",
}
"""Options that the emulator serves, with their types in the schema."""

# Known not to change what an emulator does; `version` and the like are the engine's own.
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


def provider_schema(version: str) -> str:
    """The part of the official schema that programs in YAML read to create a provider: its options, no resources.

    Args:
        version: of the emulated provider.
    """
    options = {name: {"type": kind} for name, kind in _SERVED.items()}
    return json.dumps({"name": "kubernetes", "version": version, "provider": {"inputProperties": options}})


def unserved_options(options: Properties) -> list[str]:
    """Names of options that would change what the provider does and that the emulator does not serve."""
    return sorted(
        name
        for name, value in options.items()
        if name not in _HARMLESS
        and ((name not in _SERVED and value not in (None, "", "false", False)) or _client_side_apply(name, value))
    )


def _client_side_apply(name: str, value: Any) -> bool:
    return name == "enableServerSideApply" and value in ("false", False)


class KubeconfigError(Exception):
    """The `kubeconfig` option is neither the path of an existing file nor the contents of a kubeconfig."""


@dataclass(frozen=True)
class Configuration:
    """Provider options, checked: booleans arrive as the strings `true` and `false`."""

    options: Properties

    def enabled(self, name: str) -> bool:
        return self.options.get(name) in (True, "true")

    @cached_property
    def namespace(self) -> str:
        """Namespace of objects that name none: the option, else the context's, else `default`."""
        if self.options.get("namespace"):
            return str(self.options["namespace"])
        try:
            return self._entry("contexts", self._context).get("namespace") or "default"
        except KubeconfigError:
            return "default"

    @property
    def active_cluster(self) -> dict[str, Any]:
        """The entry for the cluster of the context in the `kubeconfig` option; empty if the option does not have it.

        Raises:
            KubeconfigError: the option is not a kubeconfig.
        """
        return self._entry("clusters", self._entry("contexts", self._context).get("cluster", "")) if self._given else {}

    def client(self, connections: int) -> Any:
        """The official client for the context, with room for that many connections.

        Raises:
            KubeconfigError: the option is not a kubeconfig.
            ConfigException: the kubeconfig has no such context, or there is no kubeconfig.
        """
        from kubernetes import config

        # Always named: of a list the official Python client takes the last file's current context, kubectl the first's.
        context = self._context or None
        if self._given:
            client = config.new_client_from_config_dict(self._kubeconfig, context=context)
        else:
            # Another process may be reading the user's file: refreshed tokens are not written back.
            paths = os.pathsep.join(_ambient_paths())
            client = config.new_client_from_config(paths, context=context, persist_config=False)
        client.configuration.connection_pool_maxsize = connections
        client.configuration.retries = 1
        return type(client)(client.configuration)

    @property
    def _context(self) -> str:
        return str(self.options.get("context") or self._kubeconfig.get("current-context", ""))

    @property
    def _given(self) -> Any:
        """The `kubeconfig` option; None if it is missing or empty, which is the same: the process's own is used."""
        return self.options.get("kubeconfig") or None

    @cached_property
    def _kubeconfig(self) -> dict[str, Any]:
        import yaml

        if self._given:
            return _parsed(self._given)
        merged: dict[str, Any] = {}
        for path in _ambient_paths():
            try:
                loaded = yaml.safe_load(Path(path).expanduser().read_text())
            except (OSError, yaml.YAMLError):
                continue  # the first request that needs the cluster reports it with its reason
            if isinstance(loaded, dict):
                merged = _merged(merged, loaded)
        return merged

    def _entry(self, section: str, name: str) -> dict[str, Any]:
        entries = self._kubeconfig.get(section) or []
        entry: dict[str, Any] = next((each for each in entries if each.get("name") == name), {})
        inner: dict[str, Any] = entry.get(section.removesuffix("s")) or {}
        return inner


def _parsed(option: Any) -> dict[str, Any]:
    """The kubeconfig of a `kubeconfig` option: a path, else the contents.

    A list of paths (`a:b`) is not a path, and is read as contents.
    """
    import yaml

    if isinstance(option, dict):
        return option
    text = str(option)
    path = Path(text).expanduser()
    try:
        loaded = yaml.safe_load(path.read_text() if _exists(path) else text)
    except (OSError, yaml.YAMLError) as error:
        raise KubeconfigError(str(error)) from error
    if not isinstance(loaded, dict):
        # The text of client-go, which reads YAML as JSON.
        raise KubeconfigError(
            "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct "
            '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        )
    return loaded


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # contents: too long for a path, or with characters that none has


def _ambient_paths() -> list[str]:
    """Files of the process's own kubeconfig: the list in `KUBECONFIG`, else the one in the home directory."""
    listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    return listed or ["~/.kube/config"]


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two kubeconfigs as kubectl merges them: of what both have, the first one's."""
    merged = {**second, **first}
    for section in ("clusters", "contexts", "users"):
        entries = [*(first.get(section) or []), *(second.get(section) or [])]
        merged[section] = list({entry.get("name"): entry for entry in reversed(entries)}.values())
    return merged


def configuration_changes(old: Properties, new: Properties) -> tuple[list[str], list[str]]:
    """Names of changed options, and of those for which everything in the cluster has to be replaced.

    As in the official provider: with an unchanged `clusterIdentifier` never, with a changed one always, without one if
    the kubeconfig's entry for the active cluster differs or cannot be known yet.

    Raises:
        KubeconfigError: something has changed, and the old or the new `kubeconfig` cannot be read (a path of another
            machine), with an unchanged identifier, too. The engine takes its text for an update without replacement.
    """
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if not changed:
        return [], []
    before, after = (Configuration(options) for options in (old, new))
    identifier, earlier = new.get("clusterIdentifier"), old.get("clusterIdentifier")
    replaces = ["clusterIdentifier"] if identifier and earlier and identifier != earlier else []
    unknown = [name for name in ("kubeconfig", "context", "cluster") if isinstance(new.get(name), Unknown)]
    if unknown:
        replaces.append(unknown[0])
    else:
        clusters = [configuration.active_cluster for configuration in (before, after)]
        if all(clusters) and json.dumps(clusters[0], sort_keys=True) != json.dumps(clusters[1], sort_keys=True):
            replaces += [name for name in ("kubeconfig", "context", "cluster") if name in changed]
    return changed, [] if identifier and identifier == earlier else replaces
