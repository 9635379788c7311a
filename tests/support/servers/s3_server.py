"""An S3 server (moto) that checks credentials and rights, on loopback."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from tests.support.servers.addresses import free_port
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.server_process import SERVER_PACKAGES, not_there, running, wait_until_answered
from tests.support.servers.token_service import TokenService

BUCKET = "uploads"
ELSEWHERE = "not-there"

# moto 5 signs the query as it arrives decoded: a prefix with a slash would never have the signature of its client.
_SERVE = """
from urllib.parse import quote, unquote
from botocore.auth import SigV4Auth
from moto.server import main
signed = SigV4Auth._canonical_query_string_url
def encoded(self, parts):
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{quote(unquote(k), safe='-_.~')}={quote(unquote(v), safe='-_.~')}" for k, _, v in pairs)
    return signed(self, parts._replace(query=query))
SigV4Auth._canonical_query_string_url = encoded
main()
"""

# The client of AWS is in the virtual environment of Open WebUI.
_SET_UP = """
import json, os, boto3
client = lambda service: boto3.client(service, endpoint_url=os.environ["URL"], region_name="us-east-1",
    aws_access_key_id="setup", aws_secret_access_key="setup")
client("s3").create_bucket(Bucket=os.environ["BUCKET"])
iam, made = client("iam"), {}
policy = lambda *statements: json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Resource": "*", **statement} for statement in statements]})
rights = {"writer": ["s3:*"], "issuer": ["sts:AssumeRole"], "reader": ["s3:ListBucket", "s3:GetObject"], "stranger": []}
for name, actions in rights.items():
    iam.create_user(UserName=name)
    if actions:
        iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=policy({"Action": actions}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    made[name] = [key["AccessKeyId"], key["SecretAccessKey"]]
role = iam.create_role(RoleName="open-webui", AssumeRolePolicyDocument=policy({"Action": "sts:*"}))["Role"]
iam.put_role_policy(RoleName="open-webui", PolicyName="s3", PolicyDocument=policy({"Action": ["s3:*"]}))
print(json.dumps({"role": role["Arn"], **made}))
"""


_KEYS = """
import os, boto3
client = boto3.client("s3", endpoint_url=os.environ["URL"], region_name="us-east-1")
for each in client.list_objects_v2(Bucket=os.environ["BUCKET"]).get("Contents", []):
    print(each["Key"])
"""


_READ = """
import os, sys, boto3
client = boto3.client("s3", endpoint_url=os.environ["URL"], region_name="us-east-1")
body = client.get_object(Bucket=os.environ["BUCKET"], Key=os.environ["KEY"])["Body"]
print(body.read().hex())
"""


_WRITE = """
import os, boto3
client = boto3.client("s3", endpoint_url=os.environ["URL"], region_name="us-east-1")
client.put_object(Bucket=os.environ["BUCKET"], Key=os.environ["KEY"], Body=bytes.fromhex(os.environ["CONTENTS"]))
"""


_ASSUME = """
import json, os, boto3
client = boto3.client("sts", endpoint_url=os.environ["URL"], region_name="us-east-1")
answer = client.assume_role(RoleArn=os.environ["ROLE"], RoleSessionName="web-pods")["Credentials"]
print(json.dumps({**answer, "Expiration": answer["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}))
"""


@dataclass(frozen=True)
class Key:
    """Credentials."""

    identifier: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A server with the bucket `BUCKET`."""

    url: str
    writer: Key
    """May do everything with buckets."""

    reader: Key
    """May list and read."""

    stranger: Key
    """May do nothing."""

    issuer: Key
    """May assume roles."""

    role: str
    """ARN of a role that may do everything with buckets."""

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

    def without_checks(self) -> None:
        """Accept every signature: with its checks, it refuses the lists of Barman (SignatureDoesNotMatch)."""
        _accept_unchecked(self.url, b"inf")

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the objects in the bucket, with that prefix."""
        return [line for line in self._ask(_KEYS, self.writer).split("\n") if line.startswith(prefix) and line]

    def read(self, key: str) -> bytes:
        """Contents of an object, as it is stored."""
        return bytes.fromhex(self._ask(_READ, self.writer, KEY=key))

    def write(self, key: str, contents: bytes) -> None:
        """Replace an object by a small one."""
        self._ask(_WRITE, self.writer, KEY=key, CONTENTS=contents.hex())

    def _ask(self, script: str, key: Key, **variables: str) -> str:
        environment = {"PATH": "/usr/bin:/bin", "URL": self.url, "BUCKET": BUCKET, **variables}
        identity = {"AWS_ACCESS_KEY_ID": key.identifier, "AWS_SECRET_ACCESS_KEY": key.secret}
        python = PACKAGES / "bin" / "python"
        done = subprocess.run(
            [python, "-c", script], env=environment | identity, capture_output=True, text=True, check=True
        )
        return done.stdout

    def assume(self, role: str) -> dict[str, str]:
        """Credentials of a role, as the token service answers."""
        credentials = json.loads(self._ask(_ASSUME, self.issuer, ROLE=role))
        return {name: str(value) for name, value in credentials.items()}

    def identity(self, token: Path, service: TokenService) -> dict[str, str]:
        """Environment of a pod with the role, as the webhook of EKS sets it.

        Args:
            token: file of the projected token.
            service: the token service, which the client of AWS derives from the region otherwise.
        """
        return {
            "AWS_ROLE_ARN": self.role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            "AWS_ENDPOINT_URL_STS": service.url,
        }


@contextmanager
def s3_server(directory: Path, address: str = "127.0.0.1", port: int | None = None) -> Iterator[S3Server]:
    """The server, while the block runs.

    Args:
        directory: for its log.
        address: that it listens on.
        port: of the server; a free one by default.
    """
    server_python = SERVER_PACKAGES / "bin" / "python"
    python = PACKAGES / "bin" / "python"
    if not list(SERVER_PACKAGES.glob("lib/python3*/site-packages/moto/server.py")):
        not_there("moto is missing; install it with: make .venv-servers/ready")
    if not python.exists():
        not_there("Open WebUI is missing; install it with: make .venv-open-webui/ready (Python 3.11 or 3.12)")
    port, log = port or free_port(), directory / "moto.log"
    url = f"http://127.0.0.1:{port}"
    with running(
        [str(server_python), "-c", _SERVE, "-H", address, "-p", str(port)],
        directory=directory,
        log=log,
        stop_signal=signal.SIGTERM,
        # The bucket is in the path of a URL, whatever the name of the host is.
        environment={"PATH": "/usr/bin:/bin", "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"},
        as_container_user=False,
    ) as process:
        wait_until_answered(f"{url}/moto-api/", process, log, "the S3 server answers")
        environment = {"PATH": "/usr/bin:/bin", "URL": url, "BUCKET": BUCKET}
        made = subprocess.run([python, "-c", _SET_UP], env=environment, capture_output=True, text=True, check=True)
        created = json.loads(made.stdout)
        # From now on signatures and policies count.
        _accept_unchecked(url, b"0")
        keys = {name: Key(*created[name]) for name in ("writer", "reader", "stranger", "issuer")}
        yield S3Server(url=url, role=created["role"], **keys)


def _accept_unchecked(url: str, requests: bytes) -> None:
    """The number of requests from now on whose signature and policy do not count."""
    plain = {"Content-Type": "text/plain"}
    urlopen(Request(f"{url}/moto-api/reset-auth", requests, plain, method="POST"), timeout=10).close()
