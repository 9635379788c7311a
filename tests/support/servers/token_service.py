"""A token service of AWS that admits one projected token, before an S3 server of moto.

moto answers `AssumeRoleWithWebIdentity` only while it checks no signatures, and does not look at the token. This
service looks at it, and takes the credentials of the role from moto by `AssumeRole`, which is signed.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

TOKEN = "a.projected.token"

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ERROR = (
    f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized '
    "to perform sts:AssumeRoleWithWebIdentity</Message></Error><RequestId>1</RequestId></ErrorResponse>"
)


@dataclass(frozen=True, kw_only=True)
class TokenService:
    """The service, which runs."""

    url: str
    sessions: list[str]
    """Names of the sessions that it has given credentials, as the client chose them."""


@contextmanager
def token_service(assume_role: Callable[[str], Mapping[str, str]]) -> Iterator[TokenService]:
    """The service, while the block runs.

    Args:
        assume_role: credentials for the ARN of a role, with the names that the answer has.
    """
    sessions: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            admitted = form["Action"] == "AssumeRoleWithWebIdentity" and form["WebIdentityToken"] == TOKEN
            if admitted:
                sessions.append(form["RoleSessionName"])
            answer = _credentials(assume_role(form["RoleArn"])) if admitted else _ERROR
            self.send_response(200 if admitted else 403)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TokenService(url=f"http://127.0.0.1:{server.server_port}", sessions=sessions)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _credentials(values: Mapping[str, str]) -> str:
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{_NAMESPACE}"><AssumeRoleWithWebIdentityResult><Credentials>'
        f"{fields}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
