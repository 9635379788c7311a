"""The real Open WebUI and each of its client libraries, behind a real proxy, with a service of a private authority."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.blocks.outside_settings import BUNDLE_VARIABLES
from tests.support.e2e.model_server import MODEL, model_server
from tests.support.servers.addresses import free_port
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.http_proxy import HttpProxy, http_proxy
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, servers
from tests.support.servers.server_process import server_directory
from tests.support.servers.tls_proxy import tls_proxy
from tests.support.unit.recording import run

# Not 127.0.0.1, which is never behind a proxy.
ADDRESS = "127.0.0.2"
BEGIN = "-----BEGIN CERTIFICATE-----"

# Each asks for the models of URL; the last line says how it went.
CLIENTS = {
    "aiohttp": """
import aiohttp, asyncio
async def ask():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(URL + "/models") as answer:
        return await answer.text()
text = asyncio.run(ask())
""",
    "httpx": "import httpx; text = httpx.get(URL + '/models').text",
    "urllib": "import urllib.request; text = urllib.request.urlopen(URL + '/models').read().decode()",
    "requests": "import requests; text = requests.get(URL + '/models').text",
    # The service does not speak S3: boto3 cannot parse its answer, which it keeps before.
    "boto3": """
import boto3, botocore.config, botocore.exceptions
client = boto3.client("s3", endpoint_url=URL + "/models", region_name="x", aws_access_key_id="x",
    aws_secret_access_key="x", config=botocore.config.Config(retries={"total_max_attempts": 1}))
bodies = []
client.meta.events.register("before-parse.s3.ListBuckets", lambda response_dict, **_: bodies.append(response_dict))
try:
    client.list_buckets()
except botocore.exceptions.ClientError:
    text = str(bodies[0]["body"])
""",
    # The loader of web pages (retrieval/web/utils.py, `_requests_verify`).
    "loader": """
import requests
from startup.faster_import import prepare_import
prepare_import()
from open_webui.env import AIOHTTP_CLIENT_SSL_CERT_FILE
text = requests.get(URL + "/models", verify=AIOHTTP_CLIENT_SSL_CERT_FILE or True).text
""",
}
VARIABLES = {
    "aiohttp": ("SSL_CERT_FILE",),
    "httpx": ("SSL_CERT_FILE",),
    "urllib": ("SSL_CERT_FILE",),
    "requests": ("REQUESTS_CA_BUNDLE",),
    "boto3": ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    "loader": ("AIOHTTP_CLIENT_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
}
"""The variables without which the client refuses the service's certificate."""


@dataclass(frozen=True)
class Outside:
    """A deployment, the service that it connects to, the proxy between them."""

    deployment: OpenWebUI
    url: str
    proxy: HttpProxy
    bundle: Path

    @property
    def variables(self) -> dict[str, str]:
        """The bundle as the pods have it, in this machine's place."""
        return dict.fromkeys(BUNDLE_VARIABLES, str(self.bundle))

    @property
    def target(self) -> str:
        return urlsplit(self.url).netloc


def settings(url: str, proxy: str) -> tuple[str, ...]:
    return (
        f"openWebui.openaiApiBaseUrl={url}",
        f"pods.proxy.httpsProxy={proxy}",
        "pods.caBundle.configMap=private-ca",
    )


def write_bundle(directory: Path, sets: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    """Run the init container that writes the bundle, with the private certificates of ``directory``/ca.crt."""
    container = run("dev", sets, {"openaiApiKey": "x"}).containers["open-webui/ca-bundle"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    here = {"CA_DIRECTORY": str(directory), "CA_COMBINED": str(directory / "combined.crt")}
    return subprocess.run(
        container["command"], env={"PATH": "/usr/bin:/bin", **environment, **here}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with ExitStack() as stack:
        around = stack.enter_context(servers("dev"))
        directory = Path(stack.enter_context(server_directory()))
        authority = make_authority(directory / "authority").parent
        certify(authority, directory, ADDRESS)
        plain = stack.enter_context(model_server("127.0.0.1"))
        port = free_port()
        stack.enter_context(
            tls_proxy(port, urlsplit(plain).port or 0, directory / "tls.crt", directory / "tls.key", ADDRESS)
        )
        proxy = stack.enter_context(http_proxy(directory))
        url = f"https://{ADDRESS}:{port}/v1"
        sets = settings(url, proxy.url)
        written = write_bundle(directory, sets)
        assert written.returncode == 0, written.stderr
        deployment = around.open_webui("dev", *sets, openaiApiKey="key-of-tests")
        yield Outside(deployment, url, proxy, directory / "combined.crt")


def test_open_webui_lists_the_models_of_a_service_of_a_private_authority_through_the_proxy(outside: Outside) -> None:
    outside.deployment.migrated()
    before = outside.proxy.tunnels_to(outside.target)
    with outside.deployment.replicas(1, **outside.variables) as [replica]:
        signed_in = replica.sign_in(ADMIN_EMAIL, outside.deployment.admin_password)
        token = str(signed_in.body["token"])
        models = replica.request("GET", "/api/models", token=token).body["data"]
        assert [model["id"] for model in models] == [MODEL]
    assert outside.proxy.tunnels_to(outside.target) > before


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_library_trusts_the_private_authority_by_its_variable(outside: Outside, client: str) -> None:
    script = f"URL = {outside.url!r}\n{CLIENTS[client]}\nprint(text)"
    before = outside.proxy.tunnels_to(outside.target)
    answered = outside.deployment.run(script, **outside.variables)
    assert answered.returncode == 0, answered.stdout
    assert MODEL in answered.stdout
    assert outside.proxy.tunnels_to(outside.target) > before

    refused = outside.deployment.run(script, **{**outside.variables, **dict.fromkeys(VARIABLES[client])})
    assert refused.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stdout.upper()


def test_hosts_of_the_cluster_are_not_behind_the_proxy(outside: Outside) -> None:
    """By the rules of each library: urllib (aiohttp), requests (boto3), httpx."""
    script = """
import os, urllib.request, requests.utils, httpx
hosts = ["localhost", "127.0.0.1", "tika.rag-system.svc", "a.b.svc.cluster.local", "api.example.com"]
print([bool(urllib.request.proxy_bypass(host)) for host in hosts])
print([requests.utils.should_bypass_proxies(f"https://{host}/", None) for host in hosts])
client = httpx.Client()
print([client._transport_for_url(httpx.URL(f"https://{host}/")) is client._transport for host in hosts])
"""
    done = outside.deployment.run(script, **outside.variables)
    assert done.stdout.splitlines()[-3:] == [str([True, True, True, True, False])] * 3, done.stdout


def test_the_bundle_has_the_authorities_of_the_image_and_the_private_ones(outside: Outside) -> None:
    system = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    private = (outside.bundle.parent / "ca.crt").read_text()
    combined = outside.bundle.read_text()
    assert combined.count(BEGIN) == system.count(BEGIN) + private.count(BEGIN)
    assert private.strip() in combined


@pytest.mark.parametrize(
    ("contents", "message"),
    [("", "is empty"), ("no certificate\n", "holds no certificate in PEM")],
)
def test_a_bundle_without_certificates_keeps_the_pod_from_starting(tmp_path: Path, contents: str, message: str) -> None:
    (tmp_path / "ca.crt").write_text(contents)
    done = write_bundle(tmp_path, settings("https://models.example.com/v1", "http://proxy.example.com:3128"))
    assert done.returncode == 1
    assert f"key ca.crt of ConfigMap private-ca {message}" in done.stderr
