"""An S3 server on this machine that the pods of the node reach by a Service, as one of their cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stackctl.deployed.kubectl import Kubectl
from tests.support.servers.addresses import free_port
from tests.support.servers.s3_server import BUCKET, S3Server, s3_server

_NAMESPACE, _SERVICE = "storage", "s3"
_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class ObjectStorage:
    """A running server. It outlives the node: what is in it is still there for another one."""

    server: S3Server
    port: int
    directory: Path
    """For the files of the credentials."""

    def settings(self, section: str, machine: str) -> dict[str, str]:
        """Config keys of a bucket.

        Args:
            section: of the config: ``backup.s3``.
            machine: address at which pods reach this machine. A policy sees it, and not the Service.
        """
        return {
            f"{section}.bucket": BUCKET,
            f"{section}.region": _REGION,
            f"{section}.endpointUrl": f"http://{_SERVICE}.{_NAMESPACE}.svc:{self.port}",
            f"{section}.egress[0]": f"{machine}/32:{self.port}",
        }

    def secret_files(self, name: str) -> dict[str, str]:
        """Files with the credentials, by their secret config keys.

        Args:
            name: the beginning of the keys: ``backup``.
        """
        writer = self.server.writer
        values = {f"{name}S3AccessKeyId": writer.identifier, f"{name}S3SecretAccessKey": writer.secret}
        for key, value in values.items():
            (self.directory / key).write_text(value)
        return {key: str(self.directory / key) for key in values}

    def serve(self, kubectl: Kubectl, machine: str) -> None:
        """Create the Service, in a cluster that does not have it."""
        for manifest in self._manifests(machine):
            replace(kubectl, namespace=_NAMESPACE).apply(manifest)

    def _manifests(self, machine: str) -> Iterator[dict[str, Any]]:
        named = {"name": _SERVICE, "namespace": _NAMESPACE}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
        # Without a selector: its address is that of this machine.
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named,
            "spec": {"ports": [{"name": "http", "port": self.port}]},
        }
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**named, "labels": {"kubernetes.io/service-name": _SERVICE}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": self.port}],
            "endpoints": [{"addresses": [machine]}],
        }


@contextmanager
def object_storage(directory: Path) -> Iterator[ObjectStorage]:
    """The server, while the block runs.

    Args:
        directory: for its log and the files of the credentials.
    """
    port = free_port()
    # The link to the node comes and goes with it.
    with s3_server(directory, "0.0.0.0", port) as server:
        server.without_checks()
        yield ObjectStorage(server=server, port=port, directory=directory)
