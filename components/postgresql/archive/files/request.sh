#!/bin/sh
# Asks the sidecar that has Barman Cloud for something, and waits for its answer: the server's image has no such program.
#
#   request.sh push NAME PATH    archive_command: upload the WAL file at PATH; 0 when the bucket has it
#   request.sh get NAME PATH     restore_command: download the WAL file NAME to PATH
#   request.sh base ID PATH      restore the base backup ID into the empty directory PATH
#
# A PATH may be relative to the working directory: a server gives one. A request is a file in EXCHANGE, which both containers mount; its answer is another file, which the sidecar renames
# into place. Exit status: that of the answer; 0 done, 1 there is no such file in the bucket, 255 anything else. After a
# status over 125 a server in recovery stops, and does not take an error for the end of the archive. A push fails with 1:
# after a status over 125 the archiver process ends, and pg_stat_archiver does not count the failure.
# Environment:
#   EXCHANGE  directory of the requests
set -eu

# The sidecar renews its sign of life every second.
SILENT_SECONDS=30

: "${EXCHANGE:?is the directory of the requests}"
kind=$1
shift
failed=255
[ "$kind" != push ] || failed=1
name=$kind.$$
request=$EXCHANGE/$name.request
answer=$EXCHANGE/$name.answer
trap 'rm -f "$request" "$request.new" "$answer"' EXIT
trap 'exit "$failed"' INT TERM

rm -f "$answer"
asked=$(date +%s)
case ${2:-/} in
  /*) printf '%s\n' "$kind" "$@" >"$request.new" ;;
  *) printf '%s\n' "$kind" "$1" "$PWD/$2" >"$request.new" ;;
esac
mv "$request.new" "$request"
until [ -e "$answer" ]; do
  sleep 0.1
  # A container that is only starting has no sign of life yet.
  seen=$(stat -c %Y "$EXCHANGE/alive" 2>/dev/null) || seen=$asked
  if [ $(($(date +%s) - seen)) -gt "$SILENT_SECONDS" ]; then
    echo "archive: the archive container has not answered for $SILENT_SECONDS s" >&2
    exit "$failed"
  fi
done
status=$(cat "$answer")
[ "$status" -le 1 ] || status=$failed
exit "$status"
