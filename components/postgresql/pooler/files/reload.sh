#!/bin/sh
# Makes the running PgBouncer read its files again when a certificate has been renewed: clients stay connected, and new
# connections get the new one. A certificate that it cannot use changes nothing; its log says why. Stops with the pod.
#
# Environment:
#   PGHOST  directory of PgBouncer's socket
#   PGPORT  its port
#   FILES   the files that change, separated by spaces
set -eu

PAUSE_SECONDS=${PAUSE_SECONDS:-2}
# The console is open for this user, who has the identifier of PgBouncer's process.
export PGUSER=pgbouncer PGDATABASE=pgbouncer PGCONNECT_TIMEOUT=10

trap 'exit 0' TERM INT

# Keys go no further than into a checksum.
checksum() {
  # shellcheck disable=SC2086
  cat $FILES | cksum
}

# Empty at first: a file may have changed between the start of PgBouncer and the start of this script.
loaded=
while :; do
  # Before PgBouncer reads them: a change meanwhile is loaded in the next turn.
  current=$(checksum)
  if [ "$current" != "$loaded" ] && psql --no-psqlrc --no-password --quiet -c RELOAD; then
    loaded=$current
    echo "reload: PgBouncer has read its files."
  fi
  sleep "$PAUSE_SECONDS" &
  wait $!
done
