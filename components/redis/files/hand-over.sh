#!/bin/sh
# Before a node's server ends: when it is the master, another one takes its place. Writes wait meanwhile, so that none is
# answered and lost; they are repeated by the clients at the new master when this server ends. A replica goes when the
# master has another one: without any it refuses writes (min-replicas-to-write).
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20
seconds_of_a_replica=10

# The replicas of a server that it counts: a replica takes itself to be one a moment earlier.
replicas() {
  ask "$1" "$server_port" info replication | sed -n 's/^slave[0-9]*:ip=\([^,]*\),.*state=online.*/\1/p'
}

has_replica() {
  [ -n "$(replicas "$1")" ]
}

# The master of a replica; empty when the server is none.
master_of() {
  ask "$1" "$server_port" role | awk 'NR == 1 && $0 != "slave" { exit } NR == 2'
}

# What replicates this server follows the new master at once. The Sentinels lead it there themselves, unless they still look
# for it at its old address, as of a pod that was replaced a moment ago: then they would do it much later.
lead_replicas() {
  is_master "$1" || return 0
  for node in $(peers); do
    if [ "$node" != "$1" ] && [ "$(master_of "$node")" = "$self" ]; then
      ask "$node" "$server_port" slaveof "$1" "$server_port" >/dev/null
    fi
  done
}

wait_for_another_replica_of() {
  end=$(($(date +%s) + seconds_of_a_replica))
  until replicas "$1" | grep -qvxF "$self"; do
    if [ "$(date +%s)" -ge "$end" ]; then
      say "leaves $1 without a replica"
      return
    fi
    sleep 0.2
  done
}

if ! is_master "$self"; then
  master=$(master_of "$self")
  [ -z "$master" ] || wait_for_another_replica_of "$master"
  exit 0
fi

if ! has_replica "$self"; then
  say "nobody can take over"
  exit 0
fi

ask "$self" "$server_port" client pause "$((seconds * 1000))" write >/dev/null
end=$(($(date +%s) + seconds))
asked=
while [ "$(date +%s)" -lt "$end" ]; do
  if [ -z "$asked" ]; then
    for node in $self $(peers); do
      if [ "$(ask "$node" "$sentinel_port" sentinel failover "$service")" = OK ]; then
        asked=$node
        break
      fi
    done
  fi
  master=$(known_master)
  if [ -n "$master" ] && [ "$master" != "$self" ]; then
    lead_replicas "$master"
    # Until it has a replica the new master refuses writes (min-replicas-to-write).
    if has_replica "$master"; then
      say "handed over to $master"
      exit 0
    fi
  fi
  sleep 0.2
done
ask "$self" "$server_port" client unpause >/dev/null
say "nobody took over within $seconds s"
