"""A Redis with TLS, reached by the URL that the stack gives to Open WebUI."""

import subprocess
from pathlib import Path

import pytest
import redis

from components.redis.topologies.authority import authority, with_authority
from tests.support.servers.addresses import free_port
from tests.support.servers.redis_server import APPLICATION_PASSWORD, WITHOUT_PAUSES, Start
from tests.support.servers.server_process import give_away, missing


def certificates(directory: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt"]
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    except FileNotFoundError:
        missing("openssl", "openssl")
    for name in ("tls.key", "tls.crt"):
        give_away(directory / name)


def test_the_authority_is_what_the_certificate_is_checked_by(start: Start, directory: Path) -> None:
    certificates(directory)
    port = free_port()
    lines = [
        f"tls-port {port}",
        f"tls-cert-file {directory}/tls.crt",
        f"tls-key-file {directory}/tls.key",
        "tls-auth-clients no",
    ]
    plain = f"rediss://openwebui:{APPLICATION_PASSWORD}@127.0.0.1:{port}/0"
    with start("prod", *lines):
        mounted = authority("redis-ca")
        url = with_authority(plain, mounted).replace(mounted.file, f"{directory}/tls.crt")
        assert url != with_authority(plain, mounted)
        assert redis.Redis.from_url(url).set("open-webui:x", "1")
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            redis.Redis.from_url(plain, retry=WITHOUT_PAUSES).ping()
