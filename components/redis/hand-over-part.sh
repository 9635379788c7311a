#!/bin/sh
# Before a cluster's node ends: when it is a master, a replica takes its place. The server lets writes wait until that one
# has all of them, and then leads the clients there.
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20

# Its replicas that may be there, by what it knows itself: the name or, of one that has just started and has not said its
# name yet, the address. One that is suspected to have failed may be back already.
followers() {
  ask "$self" "$server_port" cluster nodes | awk '
    $3 ~ /myself/ { id = $1 }
    $3 ~ /slave/ && $3 !~ /fail(,|$)/ {
      split($2, part, ",")
      sub(/:[0-9]+@.*/, "", part[1])
      host[$1] = part[2] == "" ? part[1] : part[2]
      master[$1] = $4
    }
    END { for (each in host) if (master[each] == id) print host[each] }'
}

end=$(($(date +%s) + seconds))
while is_master "$self"; do
  if [ -z "$(followers)" ]; then
    say "nobody can take over"
    exit 0
  fi
  if [ "$(date +%s)" -ge "$end" ]; then
    say "nobody took over within $seconds s"
    exit 0
  fi
  for node in $(followers); do
    if [ "$(ask "$node" "$server_port" cluster failover)" = OK ]; then
      say "asked $node to take over"
      break
    fi
  done
  # A hand-over that has not come about after five seconds is given up by the servers.
  tries=0
  while is_master "$self" && [ "$tries" -lt 30 ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
done
say "is no master"
