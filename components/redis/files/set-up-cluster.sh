#!/bin/sh
# Makes a cluster of the nodes, or brings one that is there to its settings: nodes that it does not know yet, masters that
# have no part of the data yet, replicas that follow nobody yet. Every step looks first at what is so already, so that it
# can be run at any time, and again after it was interrupted. It never deletes a key, a part or a node that has one.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

slots=16384
: "${MASTERS:?is set for the container}"

# The node that is asked about the others.
first=${NODES%% *}

fail() {
  say "$*" >&2
  exit 1
}

address_of() {
  getent hosts "$1" | awk '{ print $1; exit }'
}

id_of() {
  ask "$1" "$server_port" cluster myid
}

# The tool that moves parts of the data, which asks the nodes itself.
manage() {
  command=$1
  shift
  # shellcheck disable=SC2086 # several words
  REDISCLI_AUTH=$(cat "$users/$ACCOUNT-password") "$ENGINE-cli" ${CLIENT_OPTIONS:-} --user "$ACCOUNT" \
    --cluster "$command" "$first:$server_port" "$@"
}

wait_for_every_node() {
  for node in $NODES; do
    until [ "$(ask "$node" "$server_port" ping)" = PONG ]; do
      wait_because "$node does not answer"
    done
  done
}

# One that belongs to the cluster already, when there is one: a node without its file knows nobody.
choose_first() {
  for node in $NODES; do
    if [ "$(assigned_by "$node")" != 0 ]; then
      first=$node
      return
    fi
  done
}

ids=
read_ids() {
  ids=
  for node in $NODES; do
    ids="$ids $(id_of "$node")"
  done
}

# Whether every node is connected to every other one and knows its name, which it tells the clients.
all_know_all() {
  for node in $NODES; do
    view=$(nodes_seen_by "$node" | awk '
      split($2, part, ",") > 1 && part[2] != "" && $3 !~ /handshake|fail/ && $8 == "connected" { print $1 }')
    for id in $ids; do
      case $view in
        *"$id"*) ;;
        *) return 1 ;;
      esac
    done
  done
}

introduce() {
  while ! all_know_all; do
    view=$(nodes_seen_by "$first")
    for node in $NODES; do
      id=$(id_of "$node")
      case $view in
        *"$id"*) ;;
        *)
          say "$node joins"
          ask "$first" "$server_port" cluster meet "$(address_of "$node")" "$server_port" >/dev/null
          ;;
      esac
    done
    wait_because "not all nodes know each other"
    sleep 1
  done
}

# A node that came back without its file is another one with the same name. The one that it was is forgotten, unless it
# still has a part.
forget_the_lost() {
  nodes_seen_by "$first" | awk -v known="$ids" '
    $3 ~ /fail/ && $3 !~ /fail\?/ && NF == 8 && index(known, $1) == 0 { split($2, part, ","); print $1, part[2] }' |
    while read -r id name; do
      say "$name was lost and is forgotten: $id"
      for node in $NODES; do
        ask "$node" "$server_port" cluster forget "$id" >/dev/null
      done
    done
}

refuse_strangers() {
  strangers=$(nodes_seen_by "$first" | awk -v known="$ids" '
    NF > 8 && $3 ~ /master/ && index(known, $1) == 0 { split($2, part, ","); printf "%s%s", comma, part[2]; comma = ", " }')
  if [ -n "$strangers" ]; then
    fail "$strangers has a part of the data and is none of the $MASTERS masters and their replicas: was" \
      "redis.cluster.masters lowered, or has a master without a replica lost its volume? Nothing was changed."
  fi
}

assigned_by() {
  ask "$1" "$server_port" cluster info | tr -d '\r' | sed -n 's/^cluster_slots_assigned://p'
}

assigned() {
  assigned_by "$first"
}

assign_parts() {
  if [ "$(assigned)" = "$slots" ]; then
    return
  fi
  number=0
  for node in $NODES; do
    if [ "$number" -lt "$MASTERS" ]; then
      from=$((slots * number / MASTERS)) to=$((slots * (number + 1) / MASTERS - 1))
      # Of a range that is taken already, from an earlier run, nothing is assigned again.
      if [ "$(ask "$node" "$server_port" cluster addslotsrange "$from" "$to")" = OK ]; then
        say "$node has the slots $from to $to"
      fi
    fi
    number=$((number + 1))
  done
  tries=0
  while [ "$(assigned)" != "$slots" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
      fail "only $(assigned) of $slots slots belong to a node; look at: $ENGINE-cli --cluster check"
    fi
    wait_because "not all parts are assigned"
  done
}

# Of the nodes without a part and without a master: the first ones become masters until there are enough, the others
# follow the master that has the fewest replicas.
place_the_new() {
  masters=$(nodes_seen_by "$first" | awk '$3 ~ /master/ && NF > 8 { print $1 }')
  for node in $NODES; do
    id=$(id_of "$node")
    line=$(nodes_seen_by "$node" | awk '$3 ~ /myself/')
    case $line in
      *myself,master*) ;;
      *) continue ;;
    esac
    case $masters in
      *"$id"*) continue ;;
    esac
    if [ "$(echo "$masters" | wc -w)" -lt "$MASTERS" ]; then
      say "$node is a new master"
      masters="$masters $id"
      continue
    fi
    follow "$node"
  done
}

follow() {
  master=$(fewest_replicas)
  answer=$(ask "$1" "$server_port" cluster replicate "$master")
  if [ "$answer" != OK ]; then
    fail "$1 cannot follow $master: $answer"
  fi
  say "$1 follows $master"
  while [ "$(nodes_seen_by "$first" | awk -v id="$(id_of "$1")" '$1 == id { print $4 }')" != "$master" ]; do
    wait_because "$first does not know of it yet"
  done
}

fewest_replicas() {
  nodes_seen_by "$first" | awk -v masters="$(echo "$masters" | tr '\n' ' ')" '
    { replicas[$4]++ }
    END {
      count = split(masters, master, " ")
      for (i = 1; i <= count; i++) if (i == 1 || replicas[master[i]] < replicas[least]) least = master[i]
      print least
    }'
}

# Slots that were on their way when an earlier run, or one of the nodes, was interrupted: marked so, or given up by one node
# and not taken yet by the other.
some_are_on_their_way() {
  nodes_seen_by_all | awk -v slots="$slots" '
    /\[[0-9]+-[<>]-/ { marked = 1 }
    $3 ~ /myself,master/ {
      for (i = 9; i <= NF; i++) if ($i !~ /\[/) { n = split($i, range, "-"); has += range[n] - range[1] + 1 }
    }
    END { exit !(marked || has < slots) }'
}

# Whether a master has less than its share: none yet, or an earlier run was interrupted. The tool leaves 2 % alone.
is_uneven() {
  nodes_seen_by "$first" | awk -v masters="$(echo "$masters" | tr '\n' ' ')" -v share="$((slots / MASTERS))" '
    $3 ~ /master/ {
      for (i = 9; i <= NF; i++) if ($i !~ /\[/) { n = split($i, range, "-"); has[$1] += range[n] - range[1] + 1 }
    }
    END {
      count = split(masters, master, " ")
      for (i = 1; i <= count; i++) if (has[master[i]] < share * 0.95) exit 0
      exit 1
    }'
}

# Which slots each node says that it has.
parts() {
  nodes_seen_by_all | awk '$3 ~ /myself,master/ { $2 = $3 = $4 = $5 = $6 = $7 = $8 = ""; print }'
}

# The tool refuses while the nodes do not agree yet on who has what, and gives up when one of them restarts. Valkey's gives
# up more often, after some hundred slots: what counts is whether anything moves.
balance() {
  tries=0 before=
  while some_are_on_their_way || is_uneven; do
    tries=$((tries + 1))
    now=$(parts)
    if [ "$now" != "$before" ]; then
      tries=1 before=$now
    fi
    if [ "$tries" -gt 10 ]; then
      tail -n 5 "$state/moved" >&2
      fail "parts of the data could not be moved; look at: $ENGINE-cli --cluster check"
    fi
    if [ "$tries" -gt 1 ]; then
      sleep 2
    fi
    if some_are_on_their_way; then
      say "goes on moving what was on its way"
      # It asks before it gives a slot that nobody has to the node with its keys, or without keys to any: whether or not
      # it may ask (--cluster-yes). When a master cannot be reached it does neither.
      yes yes | manage fix >"$state/moved" 2>&1 || continue
    fi
    say "moves parts to the new masters"
    manage rebalance --cluster-use-empty-masters </dev/null >"$state/moved" 2>&1 || true
  done
}

nodes_seen_by_all() {
  for node in $NODES; do
    nodes_seen_by "$node"
  done
}

wait_until_it_serves() {
  for node in $NODES; do
    until ask "$node" "$server_port" cluster info | grep -q '^cluster_state:ok'; do
      wait_because "$node does not count the cluster as well"
    done
    # Well it is without some parts, too (cluster-require-full-coverage): those that it has not heard of yet.
    until [ "$(assigned_by "$node")" = "$slots" ]; do
      wait_because "$node does not know yet who has which part"
    done
    until ask "$node" "$server_port" role | grep -Eqx 'master|connected'; do
      wait_because "$node has not received its master's data yet"
    done
  done
}

wait_for_every_node
choose_first
read_ids
introduce
forget_the_lost
refuse_strangers
assign_parts
place_the_new
balance
wait_until_it_serves
say "the cluster serves: $(nodes_seen_by "$first" | awk '$3 ~ /master/ && NF > 8' | wc -l) masters, $slots slots"
