"""Certificates as cert-manager puts them into a Secret, made with openssl."""

import os
import subprocess
from pathlib import Path

from components.blocks.names import is_address
from tests.support.servers.server_process import CONTAINER_USER, give_away, missing


def make_authority(directory: Path) -> Path:
    """An authority of its own in that directory; the path of its certificate."""
    directory.mkdir(exist_ok=True)
    _openssl(
        directory,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"),
        *("-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.crt"),
    )
    return directory / "ca.crt"


def certify(authority: Path, directory: Path, *names: str, days: int = 1) -> None:
    """Write ``tls.crt``, ``tls.key`` and ``ca.crt`` for these names; existing ones are replaced.

    Args:
        authority: directory of `make_authority`.
        directory: where the files go.
        names: DNS names and addresses.
        days: how long it is valid.
    """
    listed = ",".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in names)
    _openssl(
        authority,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=redis"),
        *("-keyout", "new.key", "-out", "new.csr"),
    )
    (authority / "new.ext").write_text(f"subjectAltName={listed}\nextendedKeyUsage=serverAuth,clientAuth\n")
    _openssl(
        authority,
        *("x509", "-req", "-in", "new.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days)),
        *("-extfile", "new.ext", "-out", "new.crt"),
    )
    # The key first: readers watch the certificate for changes and then read a matching key.
    for source, name in (("ca.crt", "ca.crt"), ("new.key", "tls.key"), ("new.crt", "tls.crt")):
        copy = directory / f"{name}.new"
        copy.write_bytes((authority / source).read_bytes())
        give_away(copy)
        copy.replace(directory / name)


def mount_secret(authority: Path, directory: Path, *names: str, days: int = 1) -> None:
    """Renew the files of the Secret's volume, as the kubelet does: of root, readable by the group of the pod."""
    new = directory.parent / "renewed"
    new.mkdir(exist_ok=True)
    certify(authority, new, *names, days=days)
    directory.mkdir(exist_ok=True)
    for name in ("ca.crt", "tls.key", "tls.crt"):
        if os.getuid() == 0:
            os.chown(new / name, 0, CONTAINER_USER)
            (new / name).chmod(0o440)
        else:
            (new / name).chmod(0o400)
        (new / name).replace(directory / name)


def _openssl(directory: Path, *arguments: str) -> None:
    try:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    except FileNotFoundError:
        missing("openssl", "openssl")
