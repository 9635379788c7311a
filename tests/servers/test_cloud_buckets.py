"""The check of the bucket against servers of Google Cloud Storage and Azure, with the clients of the full image."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.servers.addresses import free_port
from tests.support.servers.cloud_storage import CloudStorage, azure_server, gcs_server
from tests.support.servers.open_webui_image import PACKAGES

CHECK = """
import os
from startup.bucket import bucket_problem
from startup.output import redact
print(redact(bucket_problem(os.environ, write=True) or "fine"))
"""


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStorage]:
    with gcs_server(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStorage]:
    with azure_server(tmp_path_factory.mktemp("azure")) as server:
        yield server


def check(server: CloudStorage, **changes: str) -> str:
    """What the check says, errors included."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": server.python_path(), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(PACKAGES / "bin" / "python"), "-c", CHECK],
        env={**own, **server.environment, **server.redirection, **changes},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


GOOGLE_IDENTITY = """
import google.auth
print(type(google.auth.default()[0]).__module__)
"""

AZURE_IDENTITIES = """
from azure.identity import DefaultAzureCredential
print(*(type(each).__name__ for each in DefaultAzureCredential().credentials))
"""


def identity(server: CloudStorage, script: str, **variables: str) -> str:
    """What a script about the identity prints that the client finds by itself."""
    done = subprocess.run(
        [str(PACKAGES / "bin" / "python"), "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": server.python_path(), "HOME": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


@contextmanager
def metadata_server() -> Iterator[str]:
    """Address of a metadata server of Google, which a pod on GKE has."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "application/text")
            self.end_headers()
            self.wfile.write(b"a-project")

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_google_prefers_a_file_in_a_variable_to_the_identity_of_the_pod(google: CloudStorage, tmp_path: Path) -> None:
    """The reason for the refusal of `GcsSettings.OTHER_CREDENTIALS` beside the ServiceAccount."""
    key = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    (tmp_path / "key.json").write_text(json.dumps(key))
    with metadata_server() as address:
        pod = {"GCE_METADATA_HOST": address, "GCE_METADATA_IP": address}
        assert identity(google, GOOGLE_IDENTITY, **pod) == "google.auth.compute_engine.credentials"
        file = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
        assert identity(google, GOOGLE_IDENTITY, **pod, **file) == "google.oauth2.credentials"


def test_azure_prefers_a_client_in_variables_to_the_identity_of_the_pod(azure: CloudStorage) -> None:
    """The reason for the refusal of `AzureSettings.OTHER_CREDENTIALS` beside the ServiceAccount."""
    pod = {"AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b", "AZURE_FEDERATED_TOKEN_FILE": "/token"}
    tried = identity(azure, AZURE_IDENTITIES, **pod, AZURE_CLIENT_SECRET="c").split()
    assert tried[:2] == ["EnvironmentCredential", "WorkloadIdentityCredential"]
    chosen = identity(azure, AZURE_IDENTITIES, **pod, AZURE_TOKEN_CREDENTIALS="EnvironmentCredential").split()
    assert chosen == ["EnvironmentCredential"]


def test_a_bucket_is_written_and_left_as_it_was(google: CloudStorage, azure: CloudStorage) -> None:
    for server in (google, azure):
        assert check(server) == "fine"
        assert server.keys() == []


def test_refusals_of_google_name_their_reason(google: CloudStorage) -> None:
    missing = check(google, GCS_BUCKET_NAME="elsewhere")
    assert missing.startswith("There is no bucket elsewhere.")
    assert "openWebui.uploads.gcs.bucketName" in missing

    key = '{"client_email": "a@b", "private_key": "not-a-pem", "token_uri": "http://127.0.0.1:1"}'
    unreadable = check(google, GOOGLE_APPLICATION_CREDENTIALS_JSON=key)
    assert unreadable.startswith("The key of the service account cannot be read")
    assert "not-a-pem" not in unreadable

    nowhere = {"STORAGE_EMULATOR_HOST": "", "NO_GCE_CHECK": "true", "HOME": "/nonexistent"}
    assert check(google, **nowhere).startswith("There are no valid credentials for the bucket uploads")

    away = check(google, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}")
    assert away.endswith("BucketUnreachableError: Google Cloud Storage cannot be reached: ConnectionError.")


def test_refusals_of_azure_name_their_reason(azure: CloudStorage) -> None:
    missing = check(azure, AZURE_STORAGE_CONTAINER_NAME="elsewhere")
    assert missing.startswith(f"There is no container elsewhere at {azure.environment['AZURE_STORAGE_ENDPOINT']}")

    wrong = check(azure, AZURE_STORAGE_KEY="d3JvbmcgYWNjZXNzIGtleQ==")
    assert "(AuthorizationFailure)" in wrong
    assert "correct the key" in wrong
    assert "d3JvbmcgYWNjZXNzIGtleQ==" not in wrong

    endpoint = f"http://127.0.0.1:{free_port()}/account"
    away = check(azure, AZURE_STORAGE_ENDPOINT=endpoint)
    assert away.endswith(f"Azure Blob Storage at {endpoint} cannot be reached: ServiceRequestError.")
