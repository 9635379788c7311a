#!/bin/sh
# Runs before a member of a Redis Cluster stops. If it is the primary of a shard, a replica is promoted by a manual
# failover: the server pauses writes until the replica has all of them and then redirects the clients.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

seconds=20

# The members that a member knows, one a line: identifier, host, flags, primary, state of the link, whether it has hash
# slots. The host is the name, or the address if a member that has just started has not announced its name yet.
known_by() {
  nodes_seen_by "$1" | awk '{
    split($2, part, ",")
    sub(/:[0-9]+@.*/, "", part[1])
    print $1, part[2] == "" ? part[1] : part[2], $3, $4, $8, (NF > 8)
  }'
}

# The replicas of this server that may be up, by its own view. A replica that is suspected to have failed may be back.
followers() {
  known_by "$self" | awk '
    $3 ~ /myself/ { id = $1 }
    $3 ~ /slave/ && $3 !~ /fail(,|$)/ { host[$1] = $2; master[$1] = $4 }
    END { for (each in host) if (master[each] == id) print host[each] }'
}

# Whether a majority of the primaries can vote for the replica: a server that has just started has no links to them, nor
# they to it. Without their votes the servers would pause writes for five seconds, and the failover would fail.
can_be_elected() {
  view=$(known_by "$1")
  id=$(echo "$view" | awk '$3 ~ /myself/ { print $1 }')
  linked=0
  for master in $(echo "$view" | awk '$3 ~ /master/ && $5 == "connected" && $6 { print $2 }'); do
    if known_by "$master" | awk -v id="$id" '$1 == id && $5 == "connected" { linked = 1 } END { exit !linked }'; then
      linked=$((linked + 1))
    fi
  done
  [ $((2 * linked)) -gt "$(echo "$view" | awk '$3 ~ /master/ && $6 { masters++ } END { print masters + 0 }')" ]
}

# request_failover REPLICA...: whether one of them has accepted.
request_failover() {
  for node in "$@"; do
    if can_be_elected "$node" && [ "$(ask "$node" "$server_port" cluster failover)" = OK ]; then
      say "requested a failover to $node"
      return 0
    fi
  done
  return 1
}

end=$(($(date +%s) + seconds))
while is_master "$self"; do
  replicas=$(followers)
  if [ -z "$replicas" ]; then
    say "no replica can be promoted"
    exit 0
  fi
  if [ "$(date +%s)" -ge "$end" ]; then
    say "no replica was promoted within $seconds s"
    exit 0
  fi
  # shellcheck disable=SC2086 # several words
  if ! request_failover $replicas; then
    sleep 0.2
    continue
  fi
  # The servers abort a manual failover after five seconds.
  tries=0
  while is_master "$self" && [ "$tries" -lt 30 ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
done
say "this server is not a primary"
