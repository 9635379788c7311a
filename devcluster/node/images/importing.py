"""`python -m devcluster.node.images.importing`: import one image with a containerd that is there for that alone.

Runs in mount and process namespaces of its own, so that nothing of it stays.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from host.waiting import attempts

_SOCKET = Path("/run/containerd/containerd.sock")
_SOCKET_SECONDS = 20


def main(arguments: list[str]) -> None:
    """Import an image.

    Args:
        arguments: JSON with ``root`` (containerd's), ``names``, ``layers`` (tar files) and ``config`` of the image.
    """
    plan = json.loads(arguments[0])
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    with subprocess.Popen(["containerd", "--root", plan["root"], "--state", "/run/containerd"]) as containerd:
        _wait(containerd)
        command = ["ctr", "--namespace", "k8s.io", "images", "import", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as ctr:
            assert ctr.stdin
            _write_archive(ctr.stdin, plan)
            ctr.stdin.close()
            status = ctr.wait()
        containerd.terminate()
    sys.exit(status)


def _wait(containerd: subprocess.Popen[bytes]) -> None:
    for _ in attempts(seconds=_SOCKET_SECONDS, every=0.1):
        if _SOCKET.exists():
            return
        if containerd.poll() is not None:
            break
    sys.exit("containerd does not start")


def _write_archive(out: IO[bytes], plan: Mapping[str, Any]) -> None:
    """The format of `docker save`, which every containerd imports."""
    files = [Path(layer) for layer in plan["layers"]]
    digests = [_digest(file) for file in files]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": plan["config"],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created_by": file.stem} for file in files],
        }
    ).encode()
    # containerd takes a name without a registry for one of docker.io, as the kubelet does.
    manifest = [{"Config": "config.json", "RepoTags": plan["names"], "Layers": [f"{d}.tar" for d in digests]}]
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for digest, file in zip(digests, files, strict=True):
            archive.add(file, arcname=f"{digest}.tar")
        _add(archive, "config.json", config)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(sys.argv[1:])
