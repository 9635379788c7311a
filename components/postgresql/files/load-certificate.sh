#!/bin/sh
# Makes the running server load a renewed certificate: new connections get it, and clients stay connected. A certificate
# that the server cannot use changes nothing; its log says why. Stops with the pod.
#
# Environment:
#   PGHOST         the server's socket
#   TLS_DIRECTORY  the Secret's files: tls.crt, tls.key
set -eu

PAUSE_SECONDS=${PAUSE_SECONDS:-2}
export PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=10

trap 'exit 0' TERM INT

# The key goes no further than into a checksum.
checksum() {
  cat "$TLS_DIRECTORY/tls.crt" "$TLS_DIRECTORY/tls.key" | cksum
}

# Empty at first: a file may have changed between the start of the server and the start of this script.
loaded=
while :; do
  # Before the server reads them: a change meanwhile is loaded in the next turn.
  current=$(checksum)
  if [ "$current" != "$loaded" ] && pg_isready -q -t 3 &&
    psql --no-psqlrc --no-password --quiet --no-align --tuples-only -c 'SELECT pg_reload_conf()' | grep -qx t; then
    loaded=$current
    echo "load-certificate: The server reads the certificate."
    psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 -f "$(dirname "$0")/certificate.sql" ||
      echo "load-certificate: Its end could not be recorded: an alert on it will not see it." >&2
  fi
  sleep "$PAUSE_SECONDS" &
  wait $!
done
