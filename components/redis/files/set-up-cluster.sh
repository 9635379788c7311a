#!/bin/sh
# Creates the Redis Cluster, or reshapes an existing one to match the settings: adds new members, assigns hash slots to
# new primaries and primaries to new replicas. Every step is idempotent: the script can run at any time, and again after
# an interruption. It never deletes a key, a hash slot or a member that has hash slots.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

slots=16384
: "${MASTERS:?is set for the container}"

# The member that is queried about the others.
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

# Runs a command of `redis-cli --cluster`, which connects to all members.
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

# Prefers a member that has hash slots: a member that lost its file knows no others.
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

# Whether every member is connected to all others and knows their names, which it sends to the clients.
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
          say "adding $node"
          ask "$first" "$server_port" cluster meet "$(address_of "$node")" "$server_port" >/dev/null
          ;;
      esac
    done
    wait_because "not all members know each other"
    sleep 1
  done
}

# A member that restarted without its file has a new identity under the same name. Removes the old identity, unless hash
# slots belong to it.
forget_lost_members() {
  nodes_seen_by "$first" | awk -v known="$ids" '
    $3 ~ /fail/ && $3 !~ /fail\?/ && NF == 8 && index(known, $1) == 0 { split($2, part, ","); print $1, part[2] }' |
    while read -r id name; do
      say "removing $id, which $name had before it lost its file"
      for node in $NODES; do
        ask "$node" "$server_port" cluster forget "$id" >/dev/null
      done
    done
}

refuse_unknown_members() {
  unknown=$(nodes_seen_by "$first" | awk -v known="$ids" '
    NF > 8 && $3 ~ /master/ && index(known, $1) == 0 { split($2, part, ","); printf "%s%s", comma, part[2]; comma = ", " }')
  if [ -n "$unknown" ]; then
    fail "$unknown has hash slots, but is not one of the $MASTERS primaries and their replicas. Was" \
      "redis.cluster.masters lowered, or has a primary without a replica lost its volume? Nothing was changed."
  fi
}

assigned_by() {
  ask "$1" "$server_port" cluster info | tr -d '\r' | sed -n 's/^cluster_slots_assigned://p'
}

assigned() {
  assigned_by "$first"
}

assign_slots() {
  if [ "$(assigned)" = "$slots" ]; then
    return
  fi
  number=0
  for node in $NODES; do
    if [ "$number" -lt "$MASTERS" ]; then
      from=$((slots * number / MASTERS)) to=$((slots * (number + 1) / MASTERS - 1))
      # An error if an earlier run has assigned the range.
      if [ "$(ask "$node" "$server_port" cluster addslotsrange "$from" "$to")" = OK ]; then
        say "assigned hash slots $from to $to to $node"
      fi
    fi
    number=$((number + 1))
  done
  tries=0
  while [ "$(assigned)" != "$slots" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
      fail "only $(assigned) of $slots hash slots are assigned; run: $ENGINE-cli --cluster check"
    fi
    wait_because "not all hash slots are assigned"
  done
}

# Places each member that has neither hash slots nor a primary: the first ones become primaries until there are enough,
# the others become replicas of the primary with the fewest replicas.
place_new_members() {
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
      say "$node becomes a primary"
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
    fail "$1 cannot replicate $master: $answer"
  fi
  say "$1 replicates $master"
  while [ "$(nodes_seen_by "$first" | awk -v id="$(id_of "$1")" '$1 == id { print $4 }')" != "$master" ]; do
    wait_because "$first does not know the new replica $1"
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

# Whether an interruption has left hash slots in migration: marked as migrating, or released by the source and not yet
# owned by the target.
has_migrating_slots() {
  nodes_seen_by_all | awk -v slots="$slots" '
    /\[[0-9]+-[<>]-/ { marked = 1 }
    $3 ~ /myself,master/ {
      for (i = 9; i <= NF; i++) if ($i !~ /\[/) { n = split($i, range, "-"); has += range[n] - range[1] + 1 }
    }
    END { exit !(marked || has < slots) }'
}

# Whether a primary has fewer hash slots than its share. `redis-cli --cluster rebalance` tolerates 2 %.
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

# The hash slots that each primary reports as its own.
owned_slots() {
  nodes_seen_by_all | awk '$3 ~ /myself,master/ { $2 = $3 = $4 = $5 = $6 = $7 = $8 = ""; print }'
}

# The tool fails while the members disagree about the owners of hash slots, and when a member restarts. Valkey's tool
# also fails after some hundred slots. So the attempts are counted only while no slot moves.
balance() {
  tries=0 before=
  while has_migrating_slots || is_uneven; do
    tries=$((tries + 1))
    now=$(owned_slots)
    if [ "$now" != "$before" ]; then
      tries=1 before=$now
    fi
    if [ "$tries" -gt 10 ]; then
      tail -n 5 "$state/moved" >&2
      fail "the hash slots could not be rebalanced; run: $ENGINE-cli --cluster check"
    fi
    if [ "$tries" -gt 1 ]; then
      sleep 2
    fi
    if has_migrating_slots; then
      say "resuming the migration of hash slots"
      # `fix` asks before it assigns a slot without an owner to the member that holds its keys, or to any member if
      # there are no keys, even with --cluster-yes. It does neither if a primary cannot be reached.
      yes yes | manage fix >"$state/moved" 2>&1 || continue
    fi
    say "moving hash slots to the new primaries"
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
      wait_because "$node does not report cluster_state:ok"
    done
    # The state is ok although some slots are not covered (cluster-require-full-coverage no): those that the member does
    # not know yet.
    until [ "$(assigned_by "$node")" = "$slots" ]; do
      wait_because "$node does not know the owner of every hash slot"
    done
    until ask "$node" "$server_port" role | grep -Eqx 'master|connected'; do
      wait_because "$node has not received the data of its primary"
    done
  done
}

wait_for_every_node
choose_first
read_ids
introduce
forget_lost_members
refuse_unknown_members
assign_slots
place_new_members
balance
wait_until_it_serves
say "the cluster is ready: $(nodes_seen_by "$first" | awk '$3 ~ /master/ && NF > 8' | wc -l) primaries, $slots hash slots"
