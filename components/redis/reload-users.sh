#!/bin/sh
# Loads the users' file into the running server when the kubelet has changed it: a rotated password is valid without a
# restart, and nothing that the server holds is lost. Ends with the pod.
set -eu

# Only tests set these; the containers have their files where the stack mounts them.
users=${USERS_DIRECTORY:-/etc/redis-acl}
port=${SERVER_PORT:-6379}
host=${SERVER_HOST:-127.0.0.1}
seconds=${RELOAD_SECONDS:-2}
client=${CLIENT:-redis-cli}
# Every server of the pod reads the same file.
ports="$port ${SENTINEL_PORT:-}"

trap 'exit 0' TERM INT

load() {
  for each in $ports; do
    # Not the client's own `-t`: Redis 7.0 does not know it.
    REDISCLI_AUTH=$(cat "$users/reload-password") timeout 3 "$client" -h "$host" -p "$each" --user reload acl load 2>&1 |
      grep -qx OK || return 1
  done
}

# What is loaded at the start is unknown: the file can have changed between the server's start and this one.
loaded=
while :; do
  current=$(cksum <"$users/users.acl")
  if [ "$current" != "$loaded" ] && load; then
    loaded=$current
    echo "The users' file is loaded."
  fi
  sleep "$seconds" &
  wait $!
done
