"""The API server, reached through the official Python client's connection and nothing more.

The client's typed models and its dynamic client are left aside: loading the one and the discovery of the other would
cost more than a whole preview. Nothing here runs before the first request that needs the cluster.
"""

import json
import math
import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Any

from .kubernetes_configuration import Configuration, KubeconfigError

Query = list[tuple[str, str]]
Object = dict[str, Any]

# (connect, read) in seconds, for requests other than watches.
REQUEST_TIMEOUT = (10, 60)
DRY_RUN: Query = [("dryRun", "All")]


class ApiError(Exception):
    """The API server refused. The text is its own message."""

    def __init__(self, status: Object) -> None:
        super().__init__(status.get("message", "the server gave no reason"))
        self.code: int = status.get("code", 0)
        self.reason: str = status.get("reason", "")
        details = status.get("details") or {}
        self.lacks_namespace = self.reason == "NotFound" and details.get("kind") == "namespaces"
        self.refuses_dry_run = self.code == 400 and "does not support dry run" in str(self)


class NoSuchKindError(Exception):
    """The API server has no such kind (yet)."""


class UnreachableError(Exception):
    """There is no talking to the API server: no usable kubeconfig, no connection, no valid credentials."""


class Cluster:
    """Objects of one cluster by kind, namespace and name."""

    def __init__(self, configuration: Configuration, connections: int) -> None:
        self._configuration = configuration
        self._connections = connections
        self._lock = Lock()
        self._client: Any = None
        self._resources: dict[str, list[Object]] = {}
        self._watches: set[Any] = set()
        self._silent = False

    def create(self, manifest: Object, *, manager: str, preview: bool = False) -> Object:
        query = [("fieldManager", manager), *(DRY_RUN if preview else [])]
        return self._request("POST", self._path(manifest, collection=True), query, manifest)

    def get(self, manifest: Object) -> Object:
        return self._request("GET", self._path(manifest))

    def replace(self, manifest: Object, *, manager: str, preview: bool = False) -> Object:
        query = [("fieldManager", manager), *(DRY_RUN if preview else [])]
        return self._request("PUT", self._path(manifest), query, manifest)

    def apply(self, manifest: Object, *, manager: str, force: bool, preview: bool = False) -> Object:
        query = [("fieldManager", manager), ("force", str(force).lower()), *(DRY_RUN if preview else [])]
        # The patch is YAML by name; JSON is YAML.
        return self._request("PATCH", self._path(manifest), query, json.dumps(manifest), "application/apply-patch+yaml")

    def patch(self, manifest: Object, operations: list[Object]) -> Object:
        return self._request("PATCH", self._path(manifest), [], operations, "application/json-patch+json")

    def delete(self, manifest: Object, *, propagation: str) -> Object:
        return self._request("DELETE", self._path(manifest), [], {"propagationPolicy": propagation})

    def list(self, api_version: str, kind: str, namespace: str) -> list[Object]:
        sample = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace}}
        items: list[Object] = self._request("GET", self._path(sample, collection=True))["items"]
        return items

    def watch(self, manifest: Object, seconds: float, version: str | None = None) -> Iterator[Object]:
        """Events of one object, `{"type", "object"}`: its present state and every change, or those since `version`.

        Ends after `seconds`, when the connection breaks and after `stop_watching`; the caller looks at its own clock.
        """
        from urllib3.exceptions import HTTPError

        query = [
            ("watch", "true"),
            ("fieldSelector", f"metadata.name={manifest['metadata']['name']}"),
            ("timeoutSeconds", str(max(1, math.ceil(seconds)))),
            *([("resourceVersion", version)] if version else []),
        ]
        path = self._path(manifest, collection=True)
        response = self._open("GET", path, query, timeout=(REQUEST_TIMEOUT[0], seconds + REQUEST_TIMEOUT[1]))
        self._watches.add(response)
        try:
            rest = b""
            for chunk in response.stream(decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (event for event in map(json.loads, lines) if event["type"] != "ERROR")
        except (HTTPError, OSError):
            return
        finally:
            self._watches.discard(response)
            response.close()

    def stop_watching(self) -> None:
        """End every watch at once. A closed response would wait for its reader; a shut socket wakes it."""
        for response in list(self._watches):
            with suppress(AttributeError, OSError):
                response.connection.sock.shutdown(socket.SHUT_RDWR)

    def serves(self, manifest: Object) -> bool:
        """Whether the API server can be reached and knows the kind. One that did not answer is not asked again."""
        try:
            if not self._silent:
                self.resource(manifest["apiVersion"], manifest["kind"])
        except NoSuchKindError:
            return False
        except UnreachableError:
            self._silent = True
        return not self._silent

    def resource(self, api_version: str, kind: str) -> Object:
        """The API server's entry for a kind: its plural `name`, whether it is `namespaced`. Raises NoSuchKindError."""
        for cached in (True, False):
            if not cached or api_version not in self._resources:
                root = "/api" if "/" not in api_version else "/apis"
                try:
                    resources = self._request("GET", f"{root}/{api_version}")["resources"]
                except ApiError as error:
                    if error.code != 404:
                        raise
                    resources = []
                self._resources[api_version] = resources
            for resource in self._resources[api_version]:
                if resource["kind"] == kind and "/" not in resource["name"]:
                    return dict(resource)
        raise NoSuchKindError(f'no matches for kind "{kind}" in version "{api_version}"')

    def _path(self, manifest: Object, *, collection: bool = False) -> str:
        api_version, metadata = manifest["apiVersion"], manifest["metadata"]
        resource = self.resource(api_version, manifest["kind"])
        path = f"/{'apis' if '/' in api_version else 'api'}/{api_version}"
        if resource["namespaced"]:
            path += f"/namespaces/{metadata.get('namespace') or 'default'}"
        path += f"/{resource['name']}"
        return path if collection else f"{path}/{metadata['name']}"

    def _request(
        self, method: str, path: str, query: Query | None = None, body: Any = None, kind: str = "application/json"
    ) -> Object:
        response = self._open(method, path, query or [], body, kind)
        answer: Object = json.loads(response.data)
        return answer

    def _open(
        self,
        method: str,
        path: str,
        query: Query,
        body: Any = None,
        kind: str = "application/json",
        timeout: tuple[float, float] = REQUEST_TIMEOUT,
    ) -> Any:
        from urllib3.exceptions import HTTPError

        client = self._connected()
        headers = {"Accept": "application/json", "Content-Type": kind}
        request = client.param_serialize(
            method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            response = client.call_api(*request, _request_timeout=timeout).response
            if response.status == 401:
                raise UnreachableError("the server has asked for the client to provide credentials")
            if response.status >= 300:
                raise ApiError(_status(response))
        except HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise UnreachableError(f"{client.configuration.host}: {reason}") from error
        return response

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    self._client = self._configuration.client(self._connections)
                except KubeconfigError as error:
                    option = "`kubernetes:config:kubeconfig`"
                    raise UnreachableError(f"failed to parse kubeconfig data in {option}- {error}") from error
                except Exception as error:
                    # Whatever is wrong with a kubeconfig (missing, malformed, a broken credential plugin).
                    raise UnreachableError(f"unable to load Kubernetes client configuration: {error}") from error
            return self._client


def _status(response: Any) -> Object:
    text = response.data.decode(errors="replace")
    try:
        status: Object = json.loads(text)
    except json.JSONDecodeError:
        status = {"message": text.strip() or f"HTTP {response.status}"}
    return {"code": response.status, **status}
