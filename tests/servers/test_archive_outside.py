"""The archive behind a real proxy, with a bucket whose service has a certificate of a private authority."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.postgresql.cloudnative_pg.archive import API_SERVER
from tests.support.servers.addresses import free_port
from tests.support.servers.archive import SETS, Archived, archived_database, python
from tests.support.servers.archive import bucket as bucket
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.http_proxy import HttpProxy, http_proxy
from tests.support.servers.rendered import rendered
from tests.support.servers.s3_server import S3Server
from tests.support.servers.server_process import SERVER_PACKAGES
from tests.support.servers.tls_proxy import tls_proxy

# Not 127.0.0.1, which is never behind a proxy.
ADDRESS = "127.0.0.2"
BUNDLE = "pods.caBundle.configMap=private-ca"


@contextmanager
def service(directory: Path, bucket: S3Server) -> Iterator[str]:
    """The bucket's service with TLS: its address and port."""
    certify(make_authority(directory / "authority").parent, directory, ADDRESS)
    port = free_port()
    certificate, key = directory / "tls.crt", directory / "tls.key"
    with tls_proxy(port, urlsplit(bucket.url).port or 0, certificate, key, ADDRESS):
        yield f"{ADDRESS}:{port}"


def behind(proxy: HttpProxy, target: str, directory: Path, bucket: S3Server) -> Archived:
    """A database whose archive has that proxy and the private authority, as rendered."""
    made = archived_database(directory, bucket, (f"pods.proxy.httpsProxy={proxy.url}", BUNDLE))
    assert made.environment["PRIVATE_AUTHORITIES"] == "/etc/private-ca/ca.crt"
    made.changes = {"BUCKET_ENDPOINT_URL": f"https://{target}", "PRIVATE_AUTHORITIES": str(directory / "ca.crt")}
    made.database.prepared()
    return made


def test_the_log_and_base_backups_go_through_the_proxy_and_come_back(directory: Path, bucket: S3Server) -> None:
    with service(directory, bucket) as target, http_proxy(directory) as proxy:
        archived = behind(proxy, target, directory, bucket)
        # The control: the authority is not one of the client's own.
        trusted = archived.changes.pop("PRIVATE_AUTHORITIES")
        del archived.environment["PRIVATE_AUTHORITIES"]
        with archived.archiving():
            archived.logged("certificate verify failed")

        archived.changes["PRIVATE_AUTHORITIES"] = trusted
        before = proxy.tunnels_to(target)
        with archived.serving():
            archived.execute("CREATE TABLE entry (id int); INSERT INTO entry VALUES (1)")
            archived.backed_up()
            archived.execute("INSERT INTO entry VALUES (2)")
            archived.archived()
        assert proxy.tunnels_to(target) > before
        archived.recovered("latest")
        with archived.serving():
            assert archived.execute("SELECT count(*) FROM entry") == [(2,)]


def object_store() -> Any:
    """The ObjectStore of CloudNativePG, as rendered."""
    sets = (
        "postgresql.topology=cloudnative-pg",
        "postgresql.resources.limits.memory=3Gi",
        "postgresql.archive.s3.endpointUrl=https://s3.example.com",
        "pods.proxy.httpsProxy=http://proxy.example.com:3128",
        "postgresql.pods.caBundle.secret=private-ca",
    )
    return rendered("dev", "ObjectStore", "postgres-archive", (*SETS, *sets))["spec"]


def test_barman_cloud_takes_the_proxy_and_the_authority_from_the_variables_of_the_object_store(
    directory: Path, bucket: S3Server
) -> None:
    """The plugin runs these programs with the variables of the ObjectStore, and with the file of `endpointCA`."""
    store = object_store()
    assert store["configuration"]["endpointCA"] == {"name": "private-ca", "key": "ca.crt"}
    packages = next(SERVER_PACKAGES.glob("lib/python3*/site-packages"))
    with service(directory, bucket) as target, http_proxy(directory) as proxy:
        variables = {each["name"]: each["value"] for each in store["instanceSidecarConfiguration"]["env"]}
        # What the kubelet fills in.
        moved = {
            name: value.replace("http://proxy.example.com:3128", proxy.url).replace(API_SERVER, "10.96.0.1")
            for name, value in variables.items()
        }
        key = bucket.writer
        environment = {
            **moved,
            "AWS_ACCESS_KEY_ID": key.identifier,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "PYTHONPATH": str(packages.resolve()),
            "PATH": "/usr/bin:/bin",
        }

        def check(**more: str) -> "subprocess.CompletedProcess[str]":
            module = ("-m", "barman.clients.cloud_check_wal_archive", "--endpoint-url", f"https://{target}")
            destination = store["configuration"]["destinationPath"]
            return subprocess.run(
                [python(), *module, destination, "postgres"],
                env={**environment, **more},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        # The control: the authority is not one of the client's own.
        refused = check()
        assert refused.returncode != 0
        assert "certificate verify failed" in refused.stderr
        before = proxy.tunnels_to(target)
        done = check(AWS_CA_BUNDLE=str(directory / "ca.crt"))
        assert done.returncode == 0, done.stderr
        assert proxy.tunnels_to(target) > before
