#!/bin/sh
# Starts the server of a node: as a replica of the master that the Sentinels know, or as the master. Never as a master
# without data while another node may have some: that node would copy the emptiness. A master that comes back empty
# within the Sentinels' patience is the case; it hands its place to a node with data and becomes a replica of it.
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
  if [ "$1" = "$self" ]; then say "starts as the master"; else say "starts as a replica of $1"; fi
  exec "$ENGINE-server" "$state/redis.conf"
}

while :; do
  # The own name resolves when the cluster's DNS answers and knows this pod; before that, no other name means anything.
  if ! getent hosts "$self" >/dev/null; then
    wait_because "$self does not resolve yet"
    continue
  fi
  master=$(known_master)
  if [ -n "$master" ] && [ "$master" != "$self" ]; then
    start "$master"
  fi
  if [ -n "$master" ] && [ -n "$(find "$data" -name '*.aof' 2>/dev/null)" ]; then
    # This is the master, and what it knew is in its file.
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
    # Its Sentinel has not started yet.
    start "$leader"
  elif [ -n "$master" ] && [ -n "$full" ]; then
    for node in $NODES; do
      ask "$node" "$sentinel_port" sentinel failover "$service" >/dev/null
    done
    wait_because "this is the master, it is empty, $full is not: the Sentinels are to elect another one"
  elif [ -n "$full" ]; then
    wait_because "$full has data, and no Sentinel says who the master is"
  elif [ -n "$silent" ]; then
    wait_because "$silent exists and does not answer: it may have data"
  else
    start "$self"
  fi
done
