"""Uploads in buckets: two real replicas of Open WebUI and a server of each kind of storage."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.support.servers.cloud_storage import CloudStorage, azure_server, gcs_server
from tests.support.servers.open_webui import ADMIN_EMAIL, Servers, servers
from tests.support.servers.replica import Replica
from tests.support.servers.s3_server import BUCKET, S3Server, s3_server
from tests.support.servers.slow_tier import slow
from tests.support.servers.token_service import TOKEN, token_service

CONTENTS = bytes(range(256)) * 64
NAME = "picture.png"
_BOUNDARY = "the-boundary-of-a-form"


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A bucket, and how a stack uses it."""

    sets: tuple[str, ...]
    secrets: Mapping[str, str]
    keys: Callable[[], list[str]]
    """Names of the objects in the bucket."""

    variables: Mapping[str, str | None]
    """Variables that a webhook, another image or this machine changes in the pods."""


@pytest.fixture(scope="module")
def around() -> Iterator[Servers]:
    """PostgreSQL and Redis for all kinds of storage."""
    with servers() as started:
        yield started


def s3_sets(server: S3Server, *more: str) -> tuple[str, ...]:
    settings = (f"bucketName={BUCKET}", f"endpointUrl={server.url}", "regionName=us-east-1", *more)
    return ("openWebui.uploads.kind=s3", *(f"openWebui.uploads.s3.{setting}" for setting in settings))


@contextmanager
def s3_with_keys(directory: Path) -> Iterator[Storage]:
    with s3_server(directory) as server:
        key = server.writer
        secrets = {"s3AccessKeyId": key.identifier, "s3SecretAccessKey": key.secret}
        sets = s3_sets(server, "keyPrefix=chat", "tagging=true")
        yield Storage(sets=sets, secrets=secrets, keys=server.keys, variables={})


@contextmanager
def s3_with_a_role(directory: Path) -> Iterator[Storage]:
    token = directory / "token"
    token.write_text(TOKEN)
    with s3_server(directory) as server, token_service(server.assume) as service:
        variables = server.identity(token, service)
        yield Storage(
            sets=s3_sets(server, "credentials=serviceAccount"), secrets={}, keys=server.keys, variables=variables
        )
        assert service.sessions, "the replicas had other credentials"


@contextmanager
def google(directory: Path) -> Iterator[Storage]:
    with gcs_server(directory) as server:
        # The server admits everybody: whose identity it is, the client would ask Google.
        yield full_image(server, "openWebui.uploads.gcs.credentials=serviceAccount")


@contextmanager
def azure(directory: Path) -> Iterator[Storage]:
    with azure_server(directory) as server:
        yield full_image(server)


def full_image(server: CloudStorage, *sets: str) -> Storage:
    variables = {"USE_SLIM_DOCKER": None, "PYTHONPATH": server.python_path(), **server.redirection}
    return Storage(
        sets=(*server.sets, *sets, "openWebui.variant=full"),
        secrets=server.secrets,
        keys=server.keys,
        variables=variables,
    )


def upload(replica: Replica, token: str) -> str:
    """Upload a file; returns its id. Nothing extracts its text: no service of embeddings is there."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{NAME}"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + CONTENTS + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{replica.url}/api/v1/files/?process=false", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["id"])
    except HTTPError as error:
        # The answer does not name the reason.
        raise AssertionError(replica.log.read_text(errors="replace")[-3000:]) from error


def content(replica: Replica, token: str, file: str) -> bytes:
    """The file as a browser gets it."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{replica.url}/api/v1/files/{file}/content", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def copies(replica: Replica, file: str) -> list[str]:
    """Copies of the file in the pod."""
    return [path.name for path in (replica.data / "uploads").glob(f"{file}*")]


@pytest.mark.parametrize("storage", [s3_with_keys, pytest.param(s3_with_a_role, marks=slow), google, azure])
def test_a_file_is_read_on_the_other_replica_and_deleted_everywhere_but_in_its_copies(
    storage: Callable[[Path], AbstractContextManager[Storage]], around: Servers, tmp_path: Path
) -> None:
    with ExitStack() as resources:
        bucket = resources.enter_context(storage(tmp_path))
        deployment = around.open_webui("dev", *bucket.sets, stashes=None, **bucket.secrets)
        asked = deployment.preflight(**bucket.variables)
        assert asked.returncode == 0, asked.stdout
        assert bucket.keys() == []
        migrated = deployment.migrate(**bucket.variables)
        assert migrated.returncode == 0, migrated.stdout
        assert "Uploads fail" not in migrated.stdout

        one, other = resources.enter_context(deployment.replicas(2, **bucket.variables))
        token = str(one.sign_in(ADMIN_EMAIL, deployment.admin_password).body["token"])
        file = upload(one, token)
        [key] = bucket.keys()
        assert file in key
        assert content(other, token, file) == CONTENTS

        assert one.request("DELETE", f"/api/v1/files/{file}", token=token).status == 200
        assert bucket.keys() == []
        assert one.request("GET", f"/api/v1/files/{file}/content", token=token).status == 404
        assert other.request("GET", f"/api/v1/files/{file}/content", token=token).status == 404
        assert copies(one, file) == []
        # Documented in docs/operations/uploads.md: this copy stays until the pod ends.
        assert len(copies(other, file)) == 1
