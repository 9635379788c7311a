"""An S3 server (moto) that checks credentials and rights, on loopback."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from tests.support.servers.addresses import free_port
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.server_process import SERVER_PACKAGES, not_there, running, wait_until

BUCKET = "uploads"
ELSEWHERE = "not-there"

# The client of AWS is in the virtual environment of Open WebUI.
_SET_UP = """
import json, os, boto3
client = lambda service: boto3.client(service, endpoint_url=os.environ["URL"], region_name="us-east-1",
    aws_access_key_id="setup", aws_secret_access_key="setup")
client("s3").create_bucket(Bucket=os.environ["BUCKET"])
iam, made = client("iam"), []
allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}
for name in ("writer", "stranger"):
    iam.create_user(UserName=name)
    if name == "writer":
        iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    made += [key["AccessKeyId"], key["SecretAccessKey"]]
print(" ".join(made))
"""


@dataclass(frozen=True)
class Key:
    """Credentials."""

    identifier: str
    secret: str


@dataclass(frozen=True)
class S3Server:
    """A server with the bucket `BUCKET`."""

    url: str
    writer: Key
    """May do everything with buckets."""

    stranger: Key
    """May do nothing."""

    def variables(self, key: Key, **changes: str) -> dict[str, str]:
        """Environment of Open WebUI for the bucket."""
        return {
            "STORAGE_PROVIDER": "s3",
            "S3_BUCKET_NAME": BUCKET,
            "S3_ENDPOINT_URL": self.url,
            "S3_REGION_NAME": "us-east-1",
            "S3_ADDRESSING_STYLE": "path",
            "S3_ACCESS_KEY_ID": key.identifier,
            "S3_SECRET_ACCESS_KEY": key.secret,
            **changes,
        }


@contextmanager
def s3_server(directory: Path) -> Iterator[S3Server]:
    """The server, while the block runs."""
    server_python = SERVER_PACKAGES / "bin" / "python"
    python = PACKAGES / "bin" / "python"
    if not list(SERVER_PACKAGES.glob("lib/python3*/site-packages/moto/server.py")):
        not_there("moto is missing; install it with: make .venv-servers/ready")
    if not python.exists():
        not_there("Open WebUI is missing; install it with: make .venv-open-webui/ready (Python 3.11 or 3.12)")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [str(server_python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        directory=directory,
        log=directory / "moto.log",
        stop_signal=signal.SIGTERM,
        environment={"PATH": "/usr/bin:/bin"},
        as_container_user=False,
    ):
        wait_until(lambda: _answers(url), "the S3 server answers")
        environment = {"PATH": "/usr/bin:/bin", "URL": url, "BUCKET": BUCKET}
        made = subprocess.run([python, "-c", _SET_UP], env=environment, capture_output=True, text=True, check=True)
        writer, writer_secret, stranger, stranger_secret = made.stdout.split()
        # From now on signatures and policies count.
        plain = {"Content-Type": "text/plain"}
        urlopen(Request(f"{url}/moto-api/reset-auth", b"0", plain, method="POST"), timeout=10).close()
        yield S3Server(url, Key(writer, writer_secret), Key(stranger, stranger_secret))


def _answers(url: str) -> bool:
    try:
        urlopen(f"{url}/moto-api/", timeout=5).close()
    except OSError:
        return False
    return True
