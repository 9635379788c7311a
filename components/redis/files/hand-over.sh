#!/bin/sh
# Runs before a server that Sentinels watch stops. A primary requests a switchover to a replica. Writes are paused
# meanwhile, so that no acknowledged write is lost; the clients retry them at the new primary when this server stops. A
# replica waits until the primary has another replica, because a primary without replicas refuses writes
# (min-replicas-to-write).
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20
seconds_of_a_replica=10

# The replicas that a server counts as online. A replica reports the link as up a moment earlier.
replicas() {
  ask "$1" "$server_port" info replication | sed -n 's/^slave[0-9]*:ip=\([^,]*\),.*state=online.*/\1/p'
}

has_replica() {
  [ -n "$(replicas "$1")" ]
}

# The primary of a replica; empty if the server is not a replica.
master_of() {
  ask "$1" "$server_port" role | awk 'NR == 1 && $0 != "slave" { exit } NR == 2'
}

# Makes the other replicas of this server follow the new primary at once. The Sentinels do the same, but much later for
# a replica whose pod was replaced a moment ago, because they still use its old address.
redirect_replicas() {
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
      say "leaving $1 without a replica"
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
  say "no replica can be promoted"
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
    redirect_replicas "$master"
    # Without a replica the new primary refuses writes (min-replicas-to-write).
    if has_replica "$master"; then
      say "switched over to $master"
      exit 0
    fi
  fi
  sleep 0.2
done
ask "$self" "$server_port" client unpause >/dev/null
say "no replica was promoted within $seconds s"
