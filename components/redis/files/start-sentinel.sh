#!/bin/sh
# Starts the Sentinel of a node. It watches the master that the other Sentinels know, else the one that the own server
# follows. After a restart of the container it goes on with what it knew, but for a master that is another one by now: until
# the others told it, it would lead clients to the last one.
# shellcheck source=node.sh
. "${CONFIGURATION_DIRECTORY:-/etc/redis}/node.sh"

file=$state/sentinel.conf
if [ ! -s "$file" ]; then
  while :; do
    master=$(known_master)
    if [ -z "$master" ]; then
      answer=$(ask "$self" "$server_port" role)
      case $answer in
        master*) master=$self ;;
        slave*) master=$(echo "$answer" | sed -n 2p) ;;
      esac
    fi
    if [ -n "$master" ]; then
      break
    fi
    sleep 0.5
  done
  say "watches $master"
  password=$(cat "$users/sentinel-password")
  {
    cat "$configuration/sentinel.conf"
    echo "sentinel announce-ip $self"
    echo "sentinel sentinel-user sentinel"
    echo "sentinel sentinel-pass $password"
    echo "sentinel monitor $service $master $server_port $QUORUM"
    echo "sentinel auth-user $service sentinel"
    echo "sentinel auth-pass $service $password"
    echo "sentinel down-after-milliseconds $service $DOWN_AFTER_MILLISECONDS"
    echo "sentinel failover-timeout $service 20000"
    echo "sentinel parallel-syncs $service 1"
  } >"$file.new"
  mv "$file.new" "$file"
fi
master=$(known_master)
if [ -n "$master" ] && ! grep -q "^sentinel monitor $service $master " "$file"; then
  say "watches $master now"
  # Replicas are found by asking the master; the new one is among those that are on record.
  sed -e "s/^sentinel monitor $service [^ ]* /sentinel monitor $service $master /" \
    -e "/^sentinel known-replica /d" -e "/^sentinel known-slave /d" "$file" >"$file.new"
  mv "$file.new" "$file"
fi
exec "$ENGINE-server" "$file" --sentinel
