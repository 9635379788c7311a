#!/bin/sh
# Reloads the ACL file into the running server when the kubelet has changed it, so that a rotated password is valid
# without a restart and no data is lost. Reloads a renewed certificate as well. Stops with the pod.
set -eu

# Tests set these; containers use the mount paths.
users=${USERS_DIRECTORY:-/etc/redis-acl}
port=${SERVER_PORT:-6379}
host=${SERVER_HOST:-127.0.0.1}
seconds=${RELOAD_SECONDS:-2}
client=${CLIENT:-redis-cli}
certificates=${TLS_DIRECTORY:-/etc/redis-tls}
# Every server of the pod reads the same ACL file.
ports="$port ${SENTINEL_PORT:-}"

trap 'exit 0' TERM INT

# ask USER PORT COMMAND...: whether the reply is OK.
ask() {
  user=$1 each=$2
  shift 2
  # `timeout`, because the client of Redis 7.0 has no option -t.
  # shellcheck disable=SC2086 # several words
  REDISCLI_AUTH=$(cat "$users/$user-password") timeout 3 \
    "$client" -h "$host" -p "$each" ${CLIENT_OPTIONS:-} --user "$user" "$@" 2>&1 | grep -qx OK
}

load() {
  for number in $ports; do
    ask reload "$number" acl load || return 1
  done
}

# Redis reads the files again although the names are the same (its source marks these settings as volatile).
load_certificate() {
  ask certificates "$port" config set tls-cert-file "$certificates/tls.crt" tls-key-file "$certificates/tls.key" \
    tls-ca-cert-file "$certificates/ca.crt"
}

# Empty at first: a file may have changed between the start of the server and the start of this script.
loaded=
certified=
while :; do
  if [ -e "$certificates/tls.crt" ]; then
    checksum=$(cat "$certificates/tls.crt" "$certificates/ca.crt" | cksum)
    if [ "$checksum" != "$certified" ] && load_certificate; then
      certified=$checksum
      echo "Loaded the certificate."
    fi
  fi
  current=$(cksum <"$users/users.acl")
  if [ "$current" != "$loaded" ] && load; then
    loaded=$current
    echo "Loaded the ACL file."
  fi
  sleep "$seconds" &
  wait $!
done
