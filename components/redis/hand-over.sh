#!/bin/sh
# Before a node's server ends: when it is the master, another one takes its place. Writes wait meanwhile, so that none is
# answered and lost; they are repeated by the clients at the new master when this server ends.
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20

case $(ask "$self" "$server_port" role) in
  master*) ;;
  *) exit 0 ;;
esac

has_replica() {
  ask "$1" "$server_port" info replication | grep -q '^slave[0-9]*:.*state=online'
}

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
  # Until it has a replica the new master refuses writes (min-replicas-to-write).
  if [ -n "$master" ] && [ "$master" != "$self" ] && has_replica "$master"; then
    say "handed over to $master"
    exit 0
  fi
  sleep 0.2
done
ask "$self" "$server_port" client unpause >/dev/null
say "nobody took over within $seconds s"
