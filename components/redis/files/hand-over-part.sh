#!/bin/sh
# Before a cluster's node ends: when it is a master, a replica takes its place. The server lets writes wait until that one
# has all of them, and then leads the clients there.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20

# What a node knows of all, a line each: identifier, host, flags, master, state of its link, whether it has a part. The host
# is the name or, of one that has just started and has not said its name yet, the address.
known_by() {
  nodes_seen_by "$1" | awk '{
    split($2, part, ",")
    sub(/:[0-9]+@.*/, "", part[1])
    print $1, part[2] == "" ? part[1] : part[2], $3, $4, $8, (NF > 8)
  }'
}

# Its replicas that may be there, by what it knows itself. One that is suspected to have failed may be back already.
followers() {
  known_by "$self" | awk '
    $3 ~ /myself/ { id = $1 }
    $3 ~ /slave/ && $3 !~ /fail(,|$)/ { host[$1] = $2; master[$1] = $4 }
    END { for (each in host) if (master[each] == id) print host[each] }'
}

# Whether most masters can be asked for their votes and can answer: a server that has just started has no links to them
# yet, nor they to it. Without their votes the servers would let writes wait for five seconds, for nothing.
can_be_elected() {
  view=$(known_by "$1")
  id=$(echo "$view" | awk '$3 ~ /myself/ { print $1 }')
  linked=0
  for master in $(echo "$view" | awk '$3 ~ /master/ && $5 == "connected" && $6 { print $2 }'); do
    if known_by "$master" | awk -v id="$id" '$1 == id && $5 == "connected" { found = 1 } END { exit !found }'; then
      linked=$((linked + 1))
    fi
  done
  [ $((2 * linked)) -gt "$(echo "$view" | awk '$3 ~ /master/ && $6 { masters++ } END { print masters + 0 }')" ]
}

# someone_takes_over REPLICA...: whether one of them has begun to.
someone_takes_over() {
  for node in "$@"; do
    if can_be_elected "$node" && [ "$(ask "$node" "$server_port" cluster failover)" = OK ]; then
      say "asked $node to take over"
      return 0
    fi
  done
  return 1
}

end=$(($(date +%s) + seconds))
while is_master "$self"; do
  replicas=$(followers)
  if [ -z "$replicas" ]; then
    say "nobody can take over"
    exit 0
  fi
  if [ "$(date +%s)" -ge "$end" ]; then
    say "nobody took over within $seconds s"
    exit 0
  fi
  # shellcheck disable=SC2086 # several words
  if ! someone_takes_over $replicas; then
    sleep 0.2
    continue
  fi
  # A hand-over that has not come about after five seconds is given up by the servers.
  tries=0
  while is_master "$self" && [ "$tries" -lt 30 ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
done
say "is no master"
