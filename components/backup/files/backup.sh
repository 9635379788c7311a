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
#   URL_FILE          instead of all these: file with the URL of a server that the stack did not set up (external.sh)
#   DUMP_NAMES        what the names of dumps begin with; PGDATABASE if it is not set
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
# shellcheck source=components/backup/files/external.sh
. "$SCRIPTS/external.sh"
# shellcheck source=components/backup/files/private-server.sh
. "$SCRIPTS/private-server.sh"
# shellcheck source=components/backup/files/restore.sh
. "$SCRIPTS/restore.sh"

private=''
working=''
child=''
holder=''
private_server_runs=''
settings=''
excluded='{}'

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
  if is_external; then
    [ -r "$URL_FILE" ] || fail "URL_FILE $URL_FILE cannot be read; mount the Secret there."
    : "${DUMP_NAMES:?is the beginning of the names of dumps}"
  else
    : "${PGHOST:?is the server}" "${PGPORT:?is its port}" "${PGUSER:?is the role}" "${PGDATABASE:?is the database}"
    : "${PASSWORD_FILE:?is the file with the password}"
    [ -r "$PASSWORD_FILE" ] || fail "PASSWORD_FILE $PASSWORD_FILE cannot be read; mount the Secret there."
    DUMP_NAMES=$PGDATABASE
  fi
  : "${BACKUP_DIRECTORY:?is the volume of the dumps}"
  : "${KEEP:?is the number of dumps to keep}" "${PRIVATE_SERVER_OPTIONS:?are the options of the private server}"
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
  export PGPASSFILE="$private/pgpass" PGCONNECT_TIMEOUT=10 PGCLIENTENCODING=UTF8 PGAPPNAME=backup
  write_login
  if is_external; then
    write_settings
    return
  fi
  live="host=$PGHOST"
  # With the same names of role and database.
  private_server="host=$private port=5432"
  # The settings that affect the text of a value, so that both servers write it the same way.
  export PGOPTIONS="-c client_min_messages=error -c statement_timeout=0 -c lock_timeout=${LEAVE_SECONDS}s \
-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
}

# libpq reads the password from this file, so it is neither an argument nor a variable of this shell.
write_login() {
  if is_external; then
    use_url
    return
  fi
  { printf '*:*:*:*:' && sed 's/[\\:]/\\&/g' "$PASSWORD_FILE"; } >"$private/pgpass"
}

# Terse, because a full error shows the row.
query() {
  run psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -v snapshot="${snapshot:-}" -v excluded="$excluded" -d "$1" ${settings:+-f "$settings" -f -} 2>>"$private/errors.log"
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
    write_login
  done
}

# The programs of an older release refuse to dump, those of a newer one do not.
check_version() {
  echo 'SHOW server_version_num;' | query "$live" >"$private/answer" || no_answer
  server_major=$(($(cat "$private/answer") / 10000))
  program_major=$(psql --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
  [ "$program_major" -ge "$server_major" ] ||
    fail "The server is PostgreSQL $server_major, and the image of postgresql.image has the programs of $program_major, which" \
      "cannot dump it. Set postgresql.image to an image of PostgreSQL $server_major or later, with pgvector. Nothing was changed."
}

# A dump of them could be made, and not be restored into this database.
check_owners() {
  if is_external; then
    check_schemas
    return
  fi
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
  # The limit of the server would end the session while pg_dump works.
  echo 'SET idle_in_transaction_session_timeout = 0;' >&4
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
  set --
  if is_external; then
    while read -r option; do
      set -- "$@" "$option"
    done <"$private/options"
  fi
  run pg_dump "$@" --format=custom --no-password --lock-wait-timeout="${LEAVE_SECONDS}s" --snapshot="$snapshot" \
    --exclude-schema="$RECORD_SCHEMA" --file="$work/dump" -d "$live" 2>>"$private/errors.log" ||
    fail_because dump "The dump could not be written; the reason is above."
  contents "$live" >"$work/contents" || fail_because dump "The rows could not be counted; the reason is above."
  write_facts
  release_snapshot
}

# Selects the entries to restore: all but the comments on extensions and schemas, which only their owners may set. The
# extensions of the stack's own server exist, because prepare.sh creates them.
read_list() {
  run pg_restore --list "$1" >"$private/all" 2>>"$private/errors.log" ||
    fail_because dump "$(basename "$1") is damaged: its list of contents cannot be read."
  grep -v -e ' COMMENT - EXTENSION ' -e ' COMMENT - SCHEMA ' "$private/all" >"$private/selected"
}

dumps() {
  find "$BACKUP_DIRECTORY" -maxdepth 1 -name "$DUMP_NAMES-*.dump" | sed 's|.*/||' | sort -r
}

# back_up [SUFFIX]: sets `name`.
back_up() {
  name=$DUMP_NAMES-$(date -u +%Y%m%dT%H%M%SZ)${1:-}.dump
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
    check_version
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
    check_version
    restore "${2:?is the name of a dump, or newest}" "${3:-}"
    ;;
  *) fail "Usage: backup.sh run | list | restore NAME | record." ;;
esac
