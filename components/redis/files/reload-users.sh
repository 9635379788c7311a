#!/bin/sh
# Loads the users' file into the running server when the kubelet has changed it: a rotated password is valid without a
# restart, and nothing that the server holds is lost. The same for a renewed certificate. Ends with the pod.
set -eu

# Only tests set these; the containers have their files where the stack mounts them.
users=${USERS_DIRECTORY:-/etc/redis-acl}
port=${SERVER_PORT:-6379}
host=${SERVER_HOST:-127.0.0.1}
seconds=${RELOAD_SECONDS:-2}
client=${CLIENT:-redis-cli}
certificates=${TLS_DIRECTORY:-/etc/redis-tls}
# Every server of the pod reads the same file.
ports="$port ${SENTINEL_PORT:-}"

trap 'exit 0' TERM INT

# ask USER PORT COMMAND...: whether the answer is OK.
ask() {
  user=$1 each=$2
  shift 2
  # Not the client's own `-t`: Redis 7.0 does not know it.
  # shellcheck disable=SC2086 # several words
  REDISCLI_AUTH=$(cat "$users/$user-password") timeout 3 \
    "$client" -h "$host" -p "$each" ${CLIENT_OPTIONS:-} --user "$user" "$@" 2>&1 | grep -qx OK
}

load() {
  for number in $ports; do
    ask reload "$number" acl load || return 1
  done
}

# The same names: the server reads the files again (Redis marks these settings as names of what may change).
load_certificate() {
  ask certificates "$port" config set tls-cert-file "$certificates/tls.crt" tls-key-file "$certificates/tls.key" \
    tls-ca-cert-file "$certificates/ca.crt"
}

# What is loaded at the start is unknown: the file can have changed between the server's start and this one.
loaded=
certified=
while :; do
  if [ -e "$certificates/tls.crt" ]; then
    found=$(cat "$certificates/tls.crt" "$certificates/ca.crt" | cksum)
    if [ "$found" != "$certified" ] && load_certificate; then
      certified=$found
      echo "The certificate is loaded."
    fi
  fi
  current=$(cksum <"$users/users.acl")
  if [ "$current" != "$loaded" ] && load; then
    loaded=$current
    echo "The users' file is loaded."
  fi
  sleep "$seconds" &
  wait $!
done
