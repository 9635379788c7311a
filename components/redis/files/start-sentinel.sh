#!/bin/sh
# Starts the Sentinel of a pod. It watches the primary that the other Sentinels know, else the primary of its own
# server. After a restart of the container it keeps its file, but replaces a primary that has changed: until the other
# Sentinels corrected it, it would send clients to the old one.
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
  say "watching $master"
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
  say "watching $master, the new primary"
  # A Sentinel discovers replicas through the primary. The list in the file contains the new primary.
  sed -e "s/^sentinel monitor $service [^ ]* /sentinel monitor $service $master /" \
    -e "/^sentinel known-replica /d" -e "/^sentinel known-slave /d" "$file" >"$file.new"
  mv "$file.new" "$file"
fi
exec "$ENGINE-server" "$file" --sentinel
