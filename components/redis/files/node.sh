# shellcheck shell=sh disable=SC2034 # the scripts that source this file use the variables
# Functions that the scripts of a Redis pod source. POSIX sh, for the shells of Alpine and Debian.
set -eu

# The container's environment: NODES (names of all servers; a member of a Redis Cluster reads them from its file),
# POD_NAME and DOMAIN (together the name of this server), ENGINE, ACCOUNT (the Redis user), CLIENT_OPTIONS (TLS options
# of the client; may be empty). Tests set the directories; containers use the mount paths.
configuration=${CONFIGURATION_DIRECTORY:-/etc/redis}
users=${USERS_DIRECTORY:-/etc/redis-acl}
data=${DATA_DIRECTORY:-/data}
state=${STATE_DIRECTORY:-/run/redis}

# The Job that creates the Redis Cluster runs no server.
self=${POD_NAME:-none}.$DOMAIN
service=main
server_port=6379
sentinel_port=26379

say() {
  echo "$(basename "$0"): $*"
}

# ask HOST PORT COMMAND...: prints the reply as plain text; prints nothing if the server does not reply.
ask() {
  ask_host=$1 ask_port=$2
  shift 2
  # shellcheck disable=SC2086 # several words
  REDISCLI_AUTH=$(cat "$users/$ACCOUNT-password") timeout 2 \
    "$ENGINE-cli" -h "$ask_host" -p "$ask_port" ${CLIENT_OPTIONS:-} --user "$ACCOUNT" "$@" 2>/dev/null </dev/null || true
}

is_master() {
  case $(ask "$1" "$server_port" role) in
    master*) return 0 ;;
  esac
  return 1
}

last_reason=
wait_because() {
  if [ "$last_reason" != "$*" ]; then
    last_reason=$*
    say "waiting: $last_reason"
  fi
  sleep 0.5
}

# Names of the other servers whose pods exist, ready or not.
peers() {
  for node in $NODES; do
    if [ "$node" != "$self" ] && getent hosts "$node" >/dev/null; then
      echo "$node"
    fi
  done
}

# The primary that the Sentinels know, by the latest election if they differ. Empty if no Sentinel knows one.
known_master() {
  for node in $NODES; do
    ask "$node" "$sentinel_port" sentinel master "$service" |
      awk '$0 == "ip" { getline ip } $0 == "config-epoch" { getline epoch } END { if (ip != "") print epoch, ip }'
  done | sort -n | tail -n 1 | cut -d ' ' -f 2
}

# The reply of a member to CLUSTER NODES.
nodes_seen_by() {
  ask "$1" "$server_port" cluster nodes
}

# Prints what a server holds: data, nothing, or unknown if it does not reply or is still loading.
holds() {
  case $(ask "$1" "$server_port" info keyspace) in
    *db[0-9]*:keys=*) echo data ;;
    *"# Keyspace"*) echo nothing ;;
    *) echo unknown ;;
  esac
}
