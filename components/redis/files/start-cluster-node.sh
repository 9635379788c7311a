#!/bin/sh
# Starts the server of a cluster's node. It remembers who it is, who the others are and who has which part of the data in
# its file; what has changed since are addresses. Never as a master without data while a replica of it has some: the
# replica would copy the emptiness. That one takes over first.
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
  say "starts$*"
  exec "$ENGINE-server" "$state/redis.conf"
}

address_of() {
  getent hosts "$1" | awk '{ print $1; exit }'
}

# A line of the file and of CLUSTER NODES: identifier, address:port@bus,name[,...], flags, master, ..., slots from the
# ninth on. The prefix is of functions that are given the text.
names_of_all() {
  awk '$2 ~ /@/ { split($2, part, ","); print part[2] }'
}
names_of_replicas_of() {
  awk -v id="$1" '$4 == id && $3 ~ /slave/ { split($2, part, ","); print part[2] }'
}

# Whether the own file says that this is a master with a part of the data.
has_part() {
  awk -v id="$id" '$1 == id && $3 ~ /master/ && NF > 8 { part = 1 } END { exit !part }' "$file"
}

# Whether the text says that others have all slots of the own file by now, and have them since later. That it gives this
# node none means nothing: whoever has just joined has not heard of them yet.
others_have_its_part() {
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

# The own name resolves when the cluster's DNS answers and knows this pod; before that, no other name means anything.
while ! getent hosts "$self" >/dev/null; do
  wait_because "$self does not resolve yet"
done

if [ ! -s "$file" ]; then
  start " for the first time"
fi
# Those that it knows, however many there are by now: more nodes change nothing for this one.
NODES=$(names_of_all <"$file")
for node in $NODES; do
  address=$(address_of "$node")
  if [ -n "$address" ]; then
    sed -i "s/ [^ ]*:\([0-9]*@[0-9]*,${node}[, ]\)/ $address:\1/" "$file"
  fi
done
id=$(awk '$3 ~ /myself/ { print $1 }' "$file")
if ! has_part; then
  start " without a part of its own"
fi
if [ -n "$(find "$data" -name '*.aof' 2>/dev/null)" ]; then
  start " with the data in its file"
fi

attempts=0
while :; do
  followers=$(names_of_replicas_of "$id" <"$file")
  for peer in $(peers); do
    view=$(nodes_seen_by "$peer")
    if echo "$view" | others_have_its_part; then
      start ": another node has its part"
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
    # By the vote of the other masters. When there are too few of them for one, without: this node is the only one that
    # could object.
    attempts=$((attempts + 1))
    if [ "$attempts" -lt 20 ]; then how=force; else how=takeover; fi
    ask "$full" "$server_port" cluster failover "$how" >/dev/null
    wait_because "this is a master, it is empty, $full is not and takes over"
  elif [ -n "$silent" ]; then
    wait_because "$silent is its replica and does not answer: it may have data"
  else
    start ": no replica of it has data"
  fi
done
