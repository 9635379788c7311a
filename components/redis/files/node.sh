# shellcheck shell=sh disable=SC2034 # the scripts that read it use the variables
# What the scripts of a node share; read by each of them with `.`. In POSIX sh, for the shells of Alpine and Debian.
set -eu

# Set for the container: NODES (names of all nodes; a cluster's node has them in its file), POD_NAME and DOMAIN (together
# the own name), ENGINE, ACCOUNT (user of Redis), CLIENT_OPTIONS (of the client, for TLS; may be empty).
# Only tests set these; the containers have their files where the stack mounts them.
configuration=${CONFIGURATION_DIRECTORY:-/etc/redis}
users=${USERS_DIRECTORY:-/etc/redis-acl}
data=${DATA_DIRECTORY:-/data}
state=${STATE_DIRECTORY:-/run/redis}

# The Job of a cluster is no node.
self=${POD_NAME:-none}.$DOMAIN
service=main
server_port=6379
sentinel_port=26379

say() {
  echo "$(basename "$0"): $*"
}

# ask HOST PORT COMMAND...: the answer as plain text, empty when there is none.
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

said=
wait_because() {
  if [ "$said" != "$*" ]; then
    said=$*
    say "waits: $said"
  fi
  sleep 0.5
}

# Names of the other nodes whose pods exist, ready or not.
peers() {
  for node in $NODES; do
    if [ "$node" != "$self" ] && getent hosts "$node" >/dev/null; then
      echo "$node"
    fi
  done
}

# The master that the Sentinels know. Of several answers the one of the latest election; empty when none knows one.
known_master() {
  for node in $NODES; do
    ask "$node" "$sentinel_port" sentinel master "$service" |
      awk '$0 == "ip" { getline ip } $0 == "config-epoch" { getline epoch } END { if (ip != "") print epoch, ip }'
  done | sort -n | tail -n 1 | cut -d ' ' -f 2
}

# CLUSTER NODES as a node of a cluster answers it.
nodes_seen_by() {
  ask "$1" "$server_port" cluster nodes
}

# What a server holds: data, nothing, or unknown when it does not answer or is still loading.
holds() {
  case $(ask "$1" "$server_port" info keyspace) in
    *db[0-9]*:keys=*) echo data ;;
    *"# Keyspace"*) echo nothing ;;
    *) echo unknown ;;
  esac
}
