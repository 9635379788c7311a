#!/bin/sh
# Starts a member of a Redis Cluster. Its file holds its identity, the other members and the owners of the hash slots;
# only addresses have changed since. It never starts as an empty primary while one of its replicas has data, because the
# replica would copy the empty data set: that replica is promoted first.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

file=$NODES_FILE

start() {
  {
    echo "include $configuration/redis.conf"
    echo "include $users/replication.conf"
    echo "cluster-config-file $file"
    echo "cluster-announce-ip $POD_IP"
    echo "cluster-announce-hostname $self"
  } >"$state/redis.conf"
  say "starting$*"
  exec "$ENGINE-server" "$state/redis.conf"
}

address_of() {
  getent hosts "$1" | awk '{ print $1; exit }'
}

# These functions read lines of the file or of CLUSTER NODES: identifier, address:port@bus,name[,...], flags, primary,
# ..., and from the ninth field on the hash slots.
names_of_all() {
  awk '$2 ~ /@/ { split($2, part, ","); print part[2] }'
}
names_of_replicas_of() {
  awk -v id="$1" '$4 == id && $3 ~ /slave/ { split($2, part, ","); print part[2] }'
}

# Whether this member was a primary with hash slots.
owns_slots() {
  awk -v id="$id" '$1 == id && $3 ~ /master/ && NF > 8 { owner = 1 } END { exit !owner }' "$file"
}

# Whether all hash slots of this member have a new owner with a later epoch. That the peer shows none for this member is
# not enough: a peer that has just joined does not know them yet.
slots_have_new_owners() {
  awk -v id="$id" '
    function each(text) { split(text, range, "-"); last = range[2] == "" ? range[1] : range[2]; return range[1] + 0 }
    FNR == NR {
      if ($1 == id) { epoch = $7; for (i = 9; i <= NF; i++) if ($i !~ /\[/) for (s = each($i); s <= last; s++) own[s] }
      next
    }
    $1 != id && $3 ~ /master/ && $7 + 0 > epoch + 0 {
      for (i = 9; i <= NF; i++) if ($i !~ /\[/) for (s = each($i); s <= last; s++) delete own[s]
    }
    END { for (s in own) exit 1 }' "$file" -
}

# Until DNS resolves the name of this pod, it says nothing about the other names.
while ! getent hosts "$self" >/dev/null; do
  wait_because "$self does not resolve yet"
done

if [ ! -s "$file" ]; then
  start " for the first time"
fi
# The members in the file. Members that were added since do not matter to this one.
NODES=$(names_of_all <"$file")
for node in $NODES; do
  address=$(address_of "$node")
  if [ -n "$address" ]; then
    sed -i "s/ [^ ]*:\([0-9]*@[0-9]*,${node}[, ]\)/ $address:\1/" "$file"
  fi
done
id=$(awk '$3 ~ /myself/ { print $1 }' "$file")
if ! owns_slots; then
  start " without hash slots of its own"
fi
if [ -n "$(find "$data" -name '*.aof' 2>/dev/null)" ]; then
  start " with its data"
fi

attempts=0
while :; do
  followers=$(names_of_replicas_of "$id" <"$file")
  for peer in $(peers); do
    view=$(nodes_seen_by "$peer")
    if echo "$view" | slots_have_new_owners; then
      start ": its hash slots have a new owner"
    fi
    followers="$followers $(echo "$view" | names_of_replicas_of "$id")"
  done
  full='' silent=''
  for peer in $(peers); do
    case " $(echo "$followers" | tr '\n' ' ') " in
      *" $peer "*)
        case $(holds "$peer") in
          data) full=$peer ;;
          unknown) silent=$peer ;;
        esac
        ;;
    esac
  done
  if [ -n "$full" ]; then
    # `force` needs the votes of the other primaries. If too few of them reply, `takeover` does without: this server,
    # the only rival, is empty.
    attempts=$((attempts + 1))
    if [ "$attempts" -lt 20 ]; then how=force; else how=takeover; fi
    ask "$full" "$server_port" cluster failover "$how" >/dev/null
    wait_because "this primary is empty and $full has data: promoting $full"
  elif [ -n "$silent" ]; then
    wait_because "the replica $silent does not answer and may have data"
  else
    start ": no replica has data"
  fi
done
