#!/bin/sh
# Dumps the database and verifies every dump by restoring it; restores a dump into the database; lists the dumps.
#
#   backup.sh run                                    create a dump, then delete all but the newest KEEP
#   backup.sh list                                   print one line for each dump, the newest first
#   backup.sh restore NAME|newest [no-safety-dump]   dump the current data, then replace it with that dump
#   backup.sh record                                 record in the database that the bucket has the newest dump
#
# A dump gets its name only after it has been restored into a private server, where every table has the same rows with
# the same contents as in the database at the time of the dump. An interrupted run leaves no dump.
#
# Environment:
#   PGHOST, PGPORT, PGUSER, PGDATABASE  the database and the role: to restore, the owner of the tables; otherwise one that
#                     reads everything and owns the schema of the record
#   PASSWORD_FILE     file with the role's password
#   BACKUP_DIRECTORY  the volume for the dumps; during a run it also holds the private server
#   KEEP              number of dumps to keep
#   TO_BUCKET         yes: another container copies the dump to a bucket afterwards
#   PRIVATE_SERVER_OPTIONS  command-line options of the private server that fit the memory of the container
# The result of `run` is recorded in the database (record.sh).
# Exit status: 0 done, 1 refused or failed (the reason is the last line), 130 or 143 stopped by a signal.
set -eu

STOP_SECONDS=30
# The server reads a rotated password as late as the kubelet brings it.
PASSWORD_SECONDS=${PASSWORD_SECONDS:-120}
LEAVE_SECONDS=60
START_SECONDS=60
# The files of a dump, the dump itself last.
KINDS='contents facts paths dump'
SAFETY=-before-restore
SCRIPTS=$(dirname "$0")
# shellcheck source=components/backup/files/record.sh
. "$SCRIPTS/record.sh"
# shellcheck source=components/backup/files/facts.sh
. "$SCRIPTS/facts.sh"
# shellcheck source=components/backup/files/restore.sh
. "$SCRIPTS/restore.sh"

private=''
working=''
child=''
holder=''
private_server_runs=''

say() {
  printf 'backup: %s\n' "$*"
}

fail() {
  say "$*" >&2
  exit 1
}

# In the background, because a shell runs its traps only between foreground commands. File descriptors 4 and 9 belong to
# this shell.
run() {
  { "$@" <&3 3<&- 4>&- 9>&- & } 3<&0
  child=$!
  status=0
  wait "$child" || status=$?
  child=''
  return "$status"
}

clean_up() {
  exit_status=$?
  trap - EXIT
  trap '' INT TERM PIPE
  set +e
  exec 4>&-
  for process in $child $holder; do
    kill "$process" 2>/dev/null
    wait "$process" 2>/dev/null
  done
  stop_private_server
  for place in $recording; do
    record "$place" 'failed_at = now()'
  done
  [ -z "$private" ] || rm -rf "$private"
  [ -z "$working" ] || rm -rf "$work"
  exit "$exit_status"
}

check_environment() {
  : "${PGHOST:?is the server}" "${PGPORT:?is its port}" "${PGUSER:?is the role}" "${PGDATABASE:?is the database}"
  : "${PASSWORD_FILE:?is the file with the password}" "${BACKUP_DIRECTORY:?is the volume of the dumps}"
  : "${KEEP:?is the number of dumps to keep}" "${PRIVATE_SERVER_OPTIONS:?are the options of the private server}"
  [ -r "$PASSWORD_FILE" ] || fail "PASSWORD_FILE $PASSWORD_FILE cannot be read; mount the Secret there."
  [ -w "$BACKUP_DIRECTORY" ] || fail "BACKUP_DIRECTORY $BACKUP_DIRECTORY cannot be written."
  work=$BACKUP_DIRECTORY/.work
}

# One run at a time, scheduled or manual. The lock is on the volume, which no other node can mount meanwhile.
take_lock() {
  exec 9>"$BACKUP_DIRECTORY/.lock"
  flock -n 9 || fail "Another backup or restore is running on this volume. Nothing was changed; try again later."
}

prepare_work() {
  prepare_private
  # Remains of a run that was killed.
  rm -rf "$work"
  mkdir "$work"
  working=yes
}

prepare_private() {
  umask 077
  private=$(mktemp -d)
  : >"$private/errors.log"
  : >"$private/server.log"
  write_password
  live="host=$PGHOST"
  # With the same names of role and database.
  private_server="host=$private port=5432"
  export PGPASSFILE="$private/pgpass" PGCONNECT_TIMEOUT=10 PGCLIENTENCODING=UTF8 PGAPPNAME=backup
  # The settings that affect the text of a value, so that both servers write it the same way.
  export PGOPTIONS="-c client_min_messages=error -c statement_timeout=0 -c lock_timeout=${LEAVE_SECONDS}s \
-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
}

# libpq reads the password from this file, so it is neither an argument nor a variable of this shell.
write_password() {
  { printf '*:*:*:*:' && sed 's/[\\:]/\\&/g' "$PASSWORD_FILE"; } >"$private/pgpass"
}

# Terse, because a full error shows the row.
query() {
  run psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -v snapshot="${snapshot:-}" -d "$1" 2>>"$private/errors.log"
}

# A server that could write only a part of a block does not name the reason.
no_space() {
  grep -q -e 'No space left on device' -e 'could not extend file .*: wrote only ' "$private/errors.log" "$private/server.log"
}

# fail_because dump|restore MESSAGE: prints the errors of the programs and fails with the message.
fail_because() {
  cat "$private/errors.log" >&2
  if no_space; then
    case $1 in
      restore) fail "The volume of the database cannot hold both the old and the new contents. Nothing was changed;" \
        "raise postgresql.storage.size." ;;
      *) fail "The volume of the backups is full. This dump is not kept; the earlier ones are unchanged:" \
        "$(dumps | wc -l) of them. Raise backup.storage.size." ;;
    esac
  fi
  shift
  fail "$*"
}

no_answer() {
  fail_because dump "The database on $PGHOST did not answer; the reason is above."
}

check_database() {
  echo 'SELECT 1;' >"$private/statement"
  deadline=$(($(date +%s) + PASSWORD_SECONDS))
  until query "$live" <"$private/statement" >"$private/answer"; do
    grep -q 'password authentication failed' "$private/errors.log" && [ "$(date +%s)" -lt "$deadline" ] || no_answer
    run sleep 1
    : >"$private/errors.log"
    write_password
  done
}

# A dump of them could be made, and not be restored into this database.
check_owners() {
  query "$live" <"$SCRIPTS/owners.sql" >"$private/others" || no_answer
  [ -s "$private/others" ] || return 0
  sed -n '1,5s/^/backup:   /p' "$private/others" >&2
  fail "$(wc -l <"$private/others") objects belong to other roles than those of the stack, the first ones are above:" \
    "a restore could not replace them. Drop them, or move them to another database."
}

# A session that holds a snapshot, so that the dump and the row count see the same rows.
hold_snapshot() {
  mkfifo "$private/hold"
  psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -d "$live" <"$private/hold" >"$private/snapshot" 2>>"$private/errors.log" 9>&- &
  holder=$!
  exec 4>"$private/hold"
  echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();' >&4
  until [ -s "$private/snapshot" ]; do
    kill -0 "$holder" 2>/dev/null || fail_because dump "The database gave no snapshot; the reason is above."
    sleep 0.1
  done
  snapshot=$(cat "$private/snapshot")
}

release_snapshot() {
  exec 4>&-
  wait "$holder" || fail_because dump "The session with the snapshot was lost; the reason is above."
  holder=''
  snapshot=''
  rm "$private/hold"
}

# Prints a line for each table: the number of rows, a checksum of their contents that does not depend on the order, the
# name.
contents() {
  if [ -n "${snapshot:-}" ]; then
    echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT :'snapshot';"
  fi >"$private/contents.sql"
  cat "$SCRIPTS/contents.sql" >>"$private/contents.sql"
  query "$1" <"$private/contents.sql"
}

# summary FILE: the number of tables and rows in the output of contents.
summary() {
  awk -F '|' '{ rows += $1 } END { printf "%d tables with %d rows", NR, rows }' "$1"
}

write_dump() {
  hold_snapshot
  run pg_dump --format=custom --no-password --lock-wait-timeout="${LEAVE_SECONDS}s" --snapshot="$snapshot" \
    --exclude-schema="$RECORD_SCHEMA" --file="$work/dump" -d "$live" 2>>"$private/errors.log" ||
    fail_because dump "The dump could not be written; the reason is above."
  contents "$live" >"$work/contents" || fail_because dump "The rows could not be counted; the reason is above."
  write_facts
  release_snapshot
}

# Selects the entries to restore: all but the comments on extensions, which only a superuser may set. The extensions
# exist, because prepare.sh creates them.
read_list() {
  run pg_restore --list "$1" >"$private/all" 2>>"$private/errors.log" ||
    fail_because dump "$(basename "$1") is damaged: its list of contents cannot be read."
  grep -v ' COMMENT - EXTENSION ' "$private/all" >"$private/selected"
}

# COMMIT follows only if the whole dump has been read; without it the server rolls everything back.
write_sql() {
  printf 'BEGIN;\n%s\n' "$2"
  pg_restore --no-owner --no-privileges --use-list="$private/selected" --file=- "$1" && printf 'COMMIT;\n'
}

# restore_into SERVER DUMP STATEMENT: restores in one transaction, which the statement begins.
restore_into() {
  rm -f "$private/sql"
  mkfifo "$private/sql"
  write_sql "$2" "$3" >"$private/sql" 2>"$private/reading.log" 9>&- &
  reader=$!
  answer=0
  query "$1" <"$private/sql" >"$private/answer" || answer=$?
  wait "$reader" || {
    # If the server failed, that is the cause, and the reader only saw a broken pipe.
    [ "$answer" -ne 0 ] || cat "$private/reading.log" >>"$private/errors.log"
    answer=1
  }
  return "$answer"
}

# A private server, prepared by the same script as the real one. No other process can connect. Its data are deleted
# afterwards, so it runs without protection against a crash.
start_private_server() {
  od -An -N16 -tx1 /dev/urandom >"$private/server-password"
  # The server would use PGPORT, too.
  run env -u PGPORT -u PGOPTIONS PGDATA="$work/pgdata" POSTGRES_USER="$PGUSER" POSTGRES_DB="$PGDATABASE" \
    PASSWORD_FILE="$private/server-password" sh "$SCRIPTS/prepare.sh" >"$private/server.log" 2>&1 || {
    cat "$private/server.log" >&2
    fail_because dump "The private server could not be prepared; the reason is above."
  }
  printf 'local all all trust\n' >"$private/pg_hba.conf"
  private_server_runs=yes
  run pg_ctl start --silent --wait --timeout="$START_SECONDS" -D "$work/pgdata" -l "$private/server.log" -o "\
        -c port=5432 -c listen_addresses= -c unix_socket_directories=$private -c unix_socket_permissions=0700 \
        -c hba_file=$private/pg_hba.conf -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
        -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off $PRIVATE_SERVER_OPTIONS \
        -c log_min_error_statement=panic -c log_error_verbosity=terse" || {
    cat "$private/server.log" >&2
    fail_because dump "The private server did not start; the reason is above."
  }
}

stop_private_server() {
  [ -n "$private_server_runs" ] || return 0
  pg_ctl stop --silent --mode=immediate --timeout="$STOP_SECONDS" -D "$work/pgdata" >"$private/answer" 2>&1 || true
  private_server_runs=''
}

# Verifies a dump: the restored tables must equal those of the database.
verify() {
  read_list "$1"
  start_private_server
  restore_into "$private_server" "$1" '' ||
    fail_because dump "The dump cannot be restored and is not kept; the reason is above."
  contents "$private_server" >"$work/restored" ||
    fail_because dump "The restored rows could not be counted; the reason is above."
  cmp -s "$work/contents" "$work/restored" || {
    diff "$work/contents" "$work/restored" | sed -n 's/^[<>] [0-9]*|[-0-9]*|/backup:   /p' | sort -u >&2
    fail "The restored tables above do not hold what the database held. The dump is not kept."
  }
  stop_private_server
  rm -rf "$work/pgdata"
}

dumps() {
  find "$BACKUP_DIRECTORY" -maxdepth 1 -name "$PGDATABASE-*.dump" | sed 's|.*/||' | sort -r
}

# back_up [SUFFIX]: sets `name`.
back_up() {
  name=$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ)${1:-}.dump
  [ ! -e "$BACKUP_DIRECTORY/$name" ] || fail "There is a dump $name already."
  check_owners
  say "Dumping $PGDATABASE from $PGHOST."
  write_dump
  say "Restoring the dump into a private server: $(summary "$work/contents")."
  verify "$work/dump"
  # The dump is renamed last: a file with the name of a dump is complete.
  for kind in $KINDS; do
    mv "$work/$kind" "$BACKUP_DIRECTORY/${name%.dump}.$kind"
  done
  sync "$BACKUP_DIRECTORY/$name" "$BACKUP_DIRECTORY"
  say "Kept as $name, $(wc -c <"$BACKUP_DIRECTORY/$name") bytes. The restored copy was identical."
}

prune() {
  dumps | grep -vxF "$name" | tail -n "+$KEEP" | while read -r old; do
    say "Removing $old: $KEEP are kept."
    for kind in $KINDS; do
      rm -f "$BACKUP_DIRECTORY/${old%.dump}.$kind"
    done
  done
}

list() {
  dumps | while read -r dump; do
    held=$BACKUP_DIRECTORY/${dump%.dump}.contents
    size=$(wc -c <"$BACKUP_DIRECTORY/$dump")
    if [ -e "$held" ]; then size="$size bytes, $(summary "$held")"; else size="$size bytes"; fi
    say "dump $dump: $size"
  done
  df -P -k "$BACKUP_DIRECTORY" |
    awk 'NR == 2 { printf "backup: volume: %d MiB free of %d MiB\n", $4 / 1024, $2 / 1024 }'
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 141' PIPE
check_environment
case ${1:-} in
  list)
    list
    ;;
  run)
    take_lock
    prepare_work
    check_database
    rm -f "$BACKUP_DIRECTORY/.bucket-result"
    [ "${TO_BUCKET:-}" != yes ] || record_start bucket
    record_start volume
    back_up
    record_success volume "$name" "$(wc -c <"$BACKUP_DIRECTORY/$name")"
    prune
    ;;
  record)
    prepare_private
    record_bucket
    ;;
  restore)
    take_lock
    prepare_work
    check_database
    restore "${2:?is the name of a dump, or newest}" "${3:-}"
    ;;
  *) fail "Usage: backup.sh run | list | restore NAME | record." ;;
esac
