"""The archive behind a real proxy, with a bucket whose service has a certificate of a private authority."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers.addresses import free_port
from tests.support.servers.archive import Archived, archived_database
from tests.support.servers.archive import bucket as bucket
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.http_proxy import HttpProxy, http_proxy
from tests.support.servers.s3_server import S3Server
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
