#!/bin/sh
# Starts a server that Sentinels watch: as a replica of the primary that they know, or as the primary. It never starts
# as an empty primary while another server may have data, because that server would copy the empty data set. A primary
# that restarts empty within `down-after-milliseconds` is such a case: it requests a failover and becomes a replica.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

start() {
  {
    echo "include $configuration/redis.conf"
    echo "include $users/replication.conf"
    echo "replica-announce-ip $self"
    if [ "$1" != "$self" ]; then
      echo "replicaof $1 $server_port"
    fi
  } >"$state/redis.conf"
  if [ "$1" = "$self" ]; then say "starting as the primary"; else say "starting as a replica of $1"; fi
  exec "$ENGINE-server" "$state/redis.conf"
}

while :; do
  # Until DNS resolves the name of this pod, it says nothing about the other names.
  if ! getent hosts "$self" >/dev/null; then
    wait_because "$self does not resolve yet"
    continue
  fi
  master=$(known_master)
  if [ -n "$master" ] && [ "$master" != "$self" ]; then
    start "$master"
  fi
  if [ -n "$master" ] && [ -n "$(find "$data" -name '*.aof' 2>/dev/null)" ]; then
    # This is the primary, and it has its data.
    start "$self"
  fi

  full='' silent='' leader=''
  for peer in $(peers); do
    case $(ask "$peer" "$server_port" role) in
      master*) leader=$peer ;;
      '') silent=$peer ;;
    esac
    case $(holds "$peer") in
      data) full=$peer ;;
      unknown) silent=$peer ;;
    esac
  done
  if [ -z "$master" ] && [ -n "$leader" ]; then
    # The Sentinel of that pod has not started yet.
    start "$leader"
  elif [ -n "$master" ] && [ -n "$full" ]; then
    for node in $NODES; do
      ask "$node" "$sentinel_port" sentinel failover "$service" >/dev/null
    done
    wait_because "this primary is empty and $full has data: requesting a failover"
  elif [ -n "$full" ]; then
    wait_because "$full has data, and no Sentinel knows the primary"
  elif [ -n "$silent" ]; then
    wait_because "$silent does not answer and may have data"
  else
    start "$self"
  fi
done
