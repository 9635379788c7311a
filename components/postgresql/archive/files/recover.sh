#!/bin/sh
# Restores a base backup beside the data directory and replays the WAL up to a given time, in a pod of its own. The
# server of the stack does not run, or has another volume.
#
#   recover.sh replace BACKUP TIMELINE TIME  then exchange the two directories; the old one is kept
#   recover.sh drill BACKUP TIMELINE TIME    only show what is there, and delete it
#   recover.sh back                          exchange the data directory with the one that the last recovery kept
#   recover.sh discard                       delete what recoveries have kept
#
# TIMELINE is "current" (that of the base backup) or a number. TIME is in PostgreSQL's syntax.
#
# Environment:
#   PGDATA          data directory; the directory above it is the volume
#   POSTGRES_DB     the application's database
#   EXCHANGE        directory of the requests to the archive container (request.sh)
#   SCRIPTS         directory of request.sh
#   SERVER_OPTIONS  command-line options of the private server
# Exit status: 0 done, 1 refused or failed (the reason is the last line), 143 stopped by a signal.
set -eu

SUPERUSER=postgres
POLL_SECONDS=0.2

private=''
server=''

say() {
  printf 'recover: %s\n' "$*"
}

fail() {
  say "$*" >&2
  exit 1
}

clean_up() {
  exit_status=$?
  trap - EXIT
  trap '' INT TERM
  set +e
  [ -z "$server" ] || { kill -INT "$server" 2>/dev/null && wait "$server"; }
  [ -z "$private" ] || rm -rf "$private"
  exit "$exit_status"
}

check_environment() {
  : "${PGDATA:?is the data directory}" "${POSTGRES_DB:?is the database}" "${EXCHANGE:?is the directory of requests}"
  : "${SCRIPTS:?is the directory of the scripts}"
  recovered=$PGDATA.recovering
  [ ! -e "$PGDATA/postmaster.pid" ] || say "The server of $PGDATA was not stopped: its lock file is there."
}

# The archive container starts at the same time.
wait_for_archive() {
  tries=600
  until [ -e "$EXCHANGE/alive" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "The archive container did not start. Nothing was changed."
    sleep 0.1
  done
}

restore_base_backup() {
  rm -rf "$recovered"
  mkdir -m 0700 "$recovered"
  say "Restoring the base backup $1."
  sh "$SCRIPTS/request.sh" base "$1" "$recovered" || {
    rm -rf "$recovered"
    fail "The base backup could not be restored. Nothing was changed; the archive container says why."
  }
  chmod 0700 "$recovered"
  # Barman backs up the server's configuration, too, wherever it is: its data_directory is the path of the other one,
  # which a server with this file would start on. Of a mounted ConfigMap it has a symbolic link that leads nowhere here.
  rm -f "$recovered/postgresql.conf" "$recovered/pg_hba.conf"
  printf '# The configuration of the server is not in its data directory.\n' >"$recovered/postgresql.conf"
  : >"$recovered/pg_hba.conf"
}

# start_server DIRECTORY ARCHIVING OPTION...: no other process can connect. Replication parameters of the server that
# wrote the log do not matter without hot standby.
start_server() {
  directory=$1
  archiving=$2
  shift 2
  : >"$private/server.log"
  # shellcheck disable=SC2086 # several options
  postgres -D "$directory" -c listen_addresses= -c unix_socket_directories="$private" \
    -c unix_socket_permissions=0700 -c hba_file="$private/pg_hba.conf" -c logging_collector=off \
    -c log_destination=stderr -c log_statement=none -c log_min_error_statement=panic -c hot_standby=off \
    -c archive_mode="$archiving" -c archive_command="sh $SCRIPTS/request.sh push %f %p" -c archive_timeout=0 \
    -c restore_command="sh $SCRIPTS/request.sh get %f %p" -c recovery_target_action=promote \
    -c log_timezone=UTC -c timezone=UTC ${SERVER_OPTIONS:-} "$@" >"$private/server.log" 2>&1 &
  server=$!
}

query() {
  psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -h "$private" -p 5432 \
    -U "$SUPERUSER" -d "$1"
}

# Waits until the server accepts connections, which it does when it has left recovery. Returns 1 when it ended before.
promoted() {
  shown=''
  while kill -0 "$server" 2>/dev/null; do
    ! pg_isready -q -h "$private" -p 5432 -U "$SUPERUSER" || return 0
    segment=$(sed -n 's/.*restored log file "\([0-9A-F]*\)".*/\1/p' "$private/server.log" | tail -n 1)
    [ "$segment" = "$shown" ] || say "Replayed to segment $segment."
    shown=$segment
    sleep "$POLL_SECONDS"
  done
  wait "$server" || true
  server=''
  return 1
}

# recover DIRECTORY ARCHIVING TIMELINE TIME: to that time, or with `latest` all of the log. The time at which the bucket
# got the last segment would not do: it is in whole seconds, of another clock.
recover() {
  : >"$1/recovery.signal"
  if [ "$4" != latest ]; then
    start_server "$1" "$2" -c recovery_target_timeline="$3" -c recovery_target_time="$4"
    promoted && return 0
    # Nothing was committed after that time: the log has no record at which to stop, and its end is what was asked for.
    grep -q 'recovery ended before configured recovery target was reached' "$private/server.log" || give_up
    say "The log has no transaction after $4: replaying all of it."
  fi
  start_server "$1" "$2" -c recovery_target_timeline="$3"
  promoted || give_up
}

give_up() {
  grep -E 'FATAL|PANIC|ERROR|archive:' "$private/server.log" | tail -n 10 >&2
  fail "The log could not be replayed; the reason is above. The data directory is unchanged."
}

# The server archives the history of the new timeline before it ends: without it another recovery could take the same
# number for another history.
stop_server() {
  kill -INT "$server"
  wait "$server" || give_up
  server=''
  left=$(find "$1/pg_wal/archive_status" -name '*.ready' | wc -l)
  [ "$left" -eq 0 ] || say "$left files of the log wait for the archive. The server archives them when it starts."
}

describe() {
  query "$POSTGRES_DB" <<'SQL' >"$private/description"
SELECT 'recover: Last transaction: ' || coalesce(pg_last_xact_replay_timestamp()::text, 'none after the base backup');
SELECT 'recover: Timeline: ' || timeline_id FROM pg_control_checkpoint();
SELECT format('SELECT %L || count(*) || %L FROM %I.%I', 'recover: Table ' || relname || ': ', ' rows', nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname = 'public' ORDER BY relname \gexec
SQL
  cat "$private/description"
}

exchange_directories() {
  kept=$PGDATA.before-$(date -u +%Y%m%dT%H%M%SZ)
  [ ! -e "$PGDATA" ] || mv "$PGDATA" "$kept"
  mv "$1" "$PGDATA"
  sync "$(dirname "$PGDATA")"
  say "Kept the former data as $(basename "$kept")."
}

newest_kept() {
  find "$(dirname "$PGDATA")" -maxdepth 1 -name "$(basename "$PGDATA").before-*" | sort | tail -n 1
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
check_environment
umask 077
private=$(mktemp -d)
printf 'local all all trust\n' >"$private/pg_hba.conf"
wait_for_archive
case ${1:-} in
  replace)
    restore_base_backup "$2"
    recover "$recovered" on "$3" "$4"
    describe || fail "The recovered database could not be read. The data directory is unchanged."
    stop_server "$recovered"
    exchange_directories "$recovered"
    ;;
  drill)
    restore_base_backup "$2"
    recover "$recovered" off "$3" "$4"
    describe || fail "The recovered database could not be read."
    [ -z "${PROBE:-}" ] || printf '%s' "$PROBE" | query postgres
    stop_server "$recovered"
    rm -rf "$recovered"
    ;;
  back)
    kept=$(newest_kept)
    [ -n "$kept" ] || fail "No recovery has kept anything. Nothing was changed."
    # On a timeline of its own: the archive has another history of the present one.
    : >"$kept/recovery.signal"
    start_server "$kept" on -c recovery_target_timeline=current
    promoted || give_up
    describe || fail "The former database could not be read. The data directory is unchanged."
    stop_server "$kept"
    exchange_directories "$kept"
    ;;
  discard)
    for kept in "$PGDATA".before-*; do
      [ -e "$kept" ] || continue
      say "Deleting $(basename "$kept"), $(du -sm "$kept" | cut -f 1) MiB."
      rm -rf "$kept"
    done
    ;;
  *) fail "Usage: recover.sh replace|drill BACKUP TIMELINE TIME | back | discard." ;;
esac
say "Done."
