"""The check of the bucket against a real S3 server, with the client that Open WebUI makes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.addresses import free_port
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.s3_server import BUCKET, ELSEWHERE, Key, S3Server, s3_server
from tests.support.servers.token_service import TOKEN, token_service

CHECK = """
import os
from startup.bucket import bucket_problem
from startup.output import redact
print(redact(bucket_problem(os.environ, write=os.environ.get("WRITE") == "yes") or "fine"))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server for all tests here: what they write they delete."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def check(variables: dict[str, str], program: str = CHECK) -> str:
    """What the check says, errors included, without a secret in it."""
    done = subprocess.run(
        [str(PACKAGES / "bin" / "python"), "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        assert not variables.get(name) or variables[name] not in done.stdout + done.stderr
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_a_bucket_that_takes_the_credentials(server: S3Server) -> None:
    assert check(server.variables(server.writer)) == "fine"
    assert check(server.variables(server.writer, S3_KEY_PREFIX="open-webui")) == "fine"
    assert check(server.variables(server.writer, S3_BUCKET_NAME=ELSEWHERE, STORAGE_PROVIDER="local")) == "fine"


def test_refusals_name_their_reason(server: S3Server) -> None:
    missing = check(server.variables(server.writer, S3_BUCKET_NAME=ELSEWHERE))
    assert missing.startswith(f"There is no bucket {ELSEWHERE} at {server.url}.")
    assert "openWebui.uploads.s3.bucketName" in missing

    denied = check(server.variables(server.stranger))
    assert denied.startswith(
        f"The credentials are not allowed to use the bucket {BUCKET} at {server.url} (AccessDenied for s3:ListBucket)."
    )

    unknown = check(server.variables(Key("AKIAUNKNOWN123456789", "unknown-secret-1")))
    assert "does not accept the credentials (InvalidAccessKeyId)" in unknown

    wrong = check(server.variables(Key(server.writer.identifier, "wrong-secret-12")))
    assert "does not accept the credentials (SignatureDoesNotMatch)" in wrong

    assert "'Not a bucket' is not a name of a bucket" in check(
        server.variables(server.writer, S3_BUCKET_NAME="Not a bucket")
    )


def test_an_update_needs_credentials_that_write(server: S3Server) -> None:
    reader = server.variables(server.reader)
    assert check(reader) == "fine"
    refused = check({**reader, "WRITE": "yes"})
    assert "(AccessDenied for s3:PutObject)" in refused

    prefixed = server.variables(server.writer, S3_KEY_PREFIX="open-webui", S3_ENABLE_TAGGING="true", WRITE="yes")
    assert check(prefixed) == "fine"
    assert server.keys() == [], "the check deletes what it writes"


def test_a_pod_with_a_role_needs_no_keys(server: S3Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    keyless = {name: value for name, value in server.variables(server.writer).items() if "_KEY" not in name}
    with token_service(server.assume) as service:
        identity = server.identity(token, service)
        assert check({**keyless, **identity, "WRITE": "yes"}) == "fine"
        assert len(service.sessions) == 1

        # The reason for the refusal of `UploadStore.OTHER_CREDENTIALS`: keys in variables win over the role, and
        # explicit keys over both.
        stranger = {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN123456789", "AWS_SECRET_ACCESS_KEY": "unknown-secret-1"}
        assert "(InvalidAccessKeyId)" in check({**keyless, **identity, **stranger})
        assert check({**server.variables(server.writer), **identity, **stranger}) == "fine"
        assert len(service.sessions) == 1

        token.write_text("the.token.of.another")
        refused = check({**keyless, **identity})
        assert refused.startswith(f"The role {server.role} does not admit the ServiceAccount of the web pods (AccessD")
        assert "the.token.of.another" not in refused

    nothing = check({**keyless, "AWS_EC2_METADATA_DISABLED": "true"})
    assert nothing.startswith(f"There are no credentials for the bucket {BUCKET} at {server.url}")
    assert "openWebui.uploads.s3.credentials to serviceAccount" in nothing


def test_a_service_that_does_not_answer(server: S3Server) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    answer = check(server.variables(server.writer, S3_ENDPOINT_URL=nowhere))
    assert answer.endswith(f"The S3 service at {nowhere} cannot be reached: EndpointConnectionError.")
    assert "BucketUnreachableError" in answer


PATIENCE = """
from startup.checks import bucket_problems
from startup.output import redact
print(redact(" | ".join(bucket_problems(1.5)) or "fine"))
"""

START = """
import contextlib, io
from startup.migrate import report_bucket
with contextlib.redirect_stdout(io.StringIO()) as logged:
    report_bucket()
print("starts:", logged.getvalue().strip())
"""


def test_an_update_is_refused_and_a_pod_starts(server: S3Server) -> None:
    away = server.variables(server.writer, S3_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    gone = server.variables(server.writer, S3_BUCKET_NAME=ELSEWHERE)
    for variables, reason in ((away, "cannot be reached"), (gone, "There is no bucket")):
        assert reason in check(variables, PATIENCE)
        started = check(variables, START)
        assert started.startswith("starts:")
        assert "Uploads fail until this is fixed:" in started
        assert reason in started
    assert check(server.variables(server.writer), START) == "starts:"
