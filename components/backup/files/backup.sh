#!/bin/sh
# Dumps the database and proves every dump by restoring it; restores one into the database; lists them.
#
#   backup.sh run                                 a new dump; afterwards only the newest KEEP are left
#   backup.sh list                                one line for each dump, the newest first
#   backup.sh restore NAME|newest [no-safety-dump]   what is in the database is dumped first, then replaced by that dump
#
# A dump gets its name only when it has been restored into a private server and has there, table by table, the same rows
# with the same contents as the database had at the moment of the dump. What is interrupted leaves no dump.
#
# Environment:
#   PGHOST, PGPORT, PGUSER, PGDATABASE  the database, and its owner's role: no other rights are needed
#   PASSWORD_FILE     file with the role's password
#   BACKUP_DIRECTORY  the volume of the dumps; the private server is on it for the time of a run
#   KEEP              dumps to keep
#   PRIVATE_SERVER_OPTIONS  options of the private server's command line, for the memory of the container
# Exit status: 0 done, 1 refused or failed (the reason is the last line), 130 or 143 stopped by a signal.
set -eu

STOP_SECONDS=30
LEAVE_SECONDS=60
START_SECONDS=60
SAFETY=-before-restore
SCRIPTS=$(dirname "$0")

private=''
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

# In the background, because a shell runs its traps only between foreground commands. 4 and 9 are this shell's own.
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
  [ -z "$private" ] || rm -rf "$private" "$work"
  exit "$exit_status"
}

check_environment() {
  : "${PGHOST:?is the server}" "${PGPORT:?is its port}" "${PGUSER:?is the role}" "${PGDATABASE:?is the database}"
  : "${PASSWORD_FILE:?is the file with the password}" "${BACKUP_DIRECTORY:?is the volume of the dumps}"
  : "${KEEP:?is how many dumps are kept}" "${PRIVATE_SERVER_OPTIONS:?is what the private server is started with}"
  [ -r "$PASSWORD_FILE" ] || fail "PASSWORD_FILE $PASSWORD_FILE cannot be read; mount the Secret there."
  [ -w "$BACKUP_DIRECTORY" ] || fail "BACKUP_DIRECTORY $BACKUP_DIRECTORY cannot be written."
  work=$BACKUP_DIRECTORY/.work
}

# One at a time, the runs of the schedule and those by hand. Another node cannot mount the volume meanwhile.
take_lock() {
  exec 9>"$BACKUP_DIRECTORY/.lock"
  flock -n 9 || fail "Another backup or restore is at work on this volume. Nothing was changed; try again later."
}

prepare_work() {
  umask 077
  private=$(mktemp -d)
  # Left by a run that was killed.
  rm -rf "$work"
  mkdir "$work"
  : >"$private/errors.log"
  : >"$private/server.log"
  # The password's way into libpq without being an argument or a variable of this shell.
  { printf '*:*:*:*:' && sed 's/[\\:]/\\&/g' "$PASSWORD_FILE"; } >"$private/pgpass"
  live="host=$PGHOST"
  # The names of role and database are the same there.
  private_server="host=$private port=5432"
  export PGPASSFILE="$private/pgpass" PGCONNECT_TIMEOUT=10 PGCLIENTENCODING=UTF8 PGAPPNAME=backup
  # What decides how a value is written, so that both servers write it the same way.
  export PGOPTIONS="-c client_min_messages=error -c statement_timeout=0 -c lock_timeout=${LEAVE_SECONDS}s \
-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
}

# Terse: in full, an error shows the row.
query() {
  run psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -v snapshot="${snapshot:-}" -d "$1" 2>>"$private/errors.log"
}

# Fails with the reason: what the programs said, and what follows from it.
fail_because() {
  cat "$private/errors.log" >&2
  if grep -q 'No space left on device' "$private/errors.log" "$private/server.log"; then
    case $1 in
      restore) fail "The database's volume has no room for both the old and the new contents. Nothing was changed;" \
        "raise postgresql.storage.size." ;;
      *) fail "The volume of the backups is full. Nothing is kept of this dump, the earlier ones are untouched:" \
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
  query "$live" <"$private/statement" >"$private/answer" || no_answer
}

# A session that keeps a snapshot, so that the dump and the count see the same rows.
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

# One line for each table: its rows, a sum over what is in them that does not depend on their order, and its name.
contents() {
  if [ -n "${snapshot:-}" ]; then
    echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT :'snapshot';"
  fi >"$private/contents.sql"
  cat >>"$private/contents.sql" <<'SQL'
SELECT format(
    'SELECT count(*), coalesce(sum(hashtextextended((whole.*)::text, 0)::numeric), 0), %L FROM %I.%I AS whole',
    format('%I.%I', nspname, relname), nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY format('%I.%I', nspname, relname) COLLATE "C" \gexec
SQL
  query "$1" <"$private/contents.sql"
}

# Of such lines: how much it is.
summary() {
  awk -F '|' '{ rows += $1 } END { printf "%d tables with %d rows", NR, rows }' "$1"
}

write_dump() {
  hold_snapshot
  run pg_dump --format=custom --no-password --lock-wait-timeout="${LEAVE_SECONDS}s" --snapshot="$snapshot" \
    --file="$work/dump" -d "$live" 2>>"$private/errors.log" ||
    fail_because dump "The dump could not be written; the reason is above."
  contents "$live" >"$work/contents" || fail_because dump "The rows could not be counted; the reason is above."
  release_snapshot
}

# Everything that can be restored, and nothing that only a superuser could: the extensions are there, made at the start
# of the server.
read_list() {
  run pg_restore --list "$1" >"$private/all" 2>>"$private/errors.log" ||
    fail_because dump "$(basename "$1") is damaged: its list of contents cannot be read."
  grep -v ' COMMENT - EXTENSION ' "$private/all" >"$private/wanted"
}

# COMMIT comes only when the dump has been read to its end; without it the server takes everything back.
write_sql() {
  printf 'BEGIN;\n%s\n' "$2"
  pg_restore --no-owner --no-privileges --use-list="$private/wanted" --file=- "$1" && printf 'COMMIT;\n'
}

# restore_into SERVER DUMP STATEMENT: one transaction, with the statement before everything else.
restore_into() {
  rm -f "$private/sql"
  mkfifo "$private/sql"
  write_sql "$2" "$3" >"$private/sql" 2>"$private/reading.log" 9>&- &
  reader=$!
  answer=0
  query "$1" <"$private/sql" >"$private/answer" || answer=$?
  wait "$reader" || {
    # When the server refused, that is the reason, and the reader has only lost its listener.
    [ "$answer" -ne 0 ] || cat "$private/reading.log" >>"$private/errors.log"
    answer=1
  }
  return "$answer"
}

# A server of this script's own, made by the script that makes the real one: nobody else can connect, and its data are
# gone afterwards, so that it need not care for a crash.
start_private_server() {
  od -An -N16 -tx1 /dev/urandom >"$private/server-password"
  # A server takes PGPORT for its own, too.
  run env -u PGPORT -u PGOPTIONS PGDATA="$work/pgdata" POSTGRES_USER="$PGUSER" POSTGRES_DB="$PGDATABASE" \
    PASSWORD_FILE="$private/server-password" sh "$SCRIPTS/prepare.sh" >"$private/server.log" 2>&1 || {
    cat "$private/server.log" >&2
    fail_because dump "The private server could not be made; the reason is above."
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

# The dump is good when what comes out of it is what was in the database.
prove() {
  read_list "$1"
  start_private_server
  restore_into "$private_server" "$1" '' ||
    fail_because dump "The dump cannot be restored; the reason is above. It is not kept."
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
  say "Dumping $PGDATABASE from $PGHOST."
  write_dump
  say "Restoring the dump into a private server: $(summary "$work/contents")."
  prove "$work/dump"
  # The dump last: what has its name is complete.
  mv "$work/contents" "$BACKUP_DIRECTORY/${name%.dump}.contents"
  mv "$work/dump" "$BACKUP_DIRECTORY/$name"
  sync "$BACKUP_DIRECTORY/$name" "$BACKUP_DIRECTORY"
  say "Kept as $name, $(wc -c <"$BACKUP_DIRECTORY/$name") bytes. The restored copy was the same."
}

prune() {
  dumps | grep -vxF "$name" | tail -n "+$KEEP" | while read -r old; do
    say "Removing $old: $KEEP are kept."
    rm -f "$BACKUP_DIRECTORY/$old" "$BACKUP_DIRECTORY/${old%.dump}.contents"
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

# Whoever is connected might write what neither the safety dump nor the restored database would have.
refuse_others() {
  deadline=$(($(date +%s) + LEAVE_SECONDS))
  while :; do
    query "$live" <<'SQL' >"$private/others" || no_answer
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
SQL
    [ "$(cat "$private/others")" != 0 ] || return 0
    [ "$(date +%s)" -lt "$deadline" ] || fail "$(cat "$private/others") others are connected to $PGDATABASE." \
      "Nothing was changed. Stop the web pods first."
    sleep 1
  done
}

restore() {
  chosen=$1
  # Not one that a restore has made: the same command twice would undo what it did.
  [ "$chosen" != newest ] || chosen=$(dumps | grep -v -- "$SAFETY" | head -n 1)
  [ -n "$chosen" ] || fail "There is no dump yet. Nothing was changed."
  case $chosen in
    */*) fail "$chosen is no name of a dump. Nothing was changed." ;;
  esac
  dump=$BACKUP_DIRECTORY/$chosen
  [ -f "$dump" ] || fail "There is no dump $chosen. Nothing was changed. There are: $(dumps | tr '\n' ' ')"
  read_list "$dump"
  refuse_others
  if [ "${2:-}" = no-safety-dump ]; then
    say "No dump is made of what is in the database now."
  else
    back_up "$SAFETY"
    say "To go back to what is in the database now: restore $name"
  fi
  read_list "$dump"
  refuse_others
  say "Restoring $chosen into $PGDATABASE, in one transaction."
  # Also what the dump does not know, as the tables of a newer version, which would be in the way of its migrations.
  restore_into "$live" "$dump" 'DROP OWNED BY CURRENT_USER CASCADE;' ||
    fail_because restore "$chosen could not be restored. The database is as it was; the reason is above."
  contents "$live" >"$work/restored" ||
    fail_because dump "$chosen was restored, but its rows could not be counted; the reason is above."
  if [ -e "${dump%.dump}.contents" ] && ! cmp -s "${dump%.dump}.contents" "$work/restored"; then
    fail "$chosen was restored, but the database does not hold what was dumped: somebody wrote to it meanwhile," \
      "or another version of PostgreSQL writes a value in another way."
  fi
  echo 'ANALYZE;' | query "$live" || fail_because dump "$chosen was restored, but ANALYZE failed; the reason is above."
  say "Restored $chosen: $(summary "$work/restored")."
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
    back_up
    prune
    ;;
  restore)
    take_lock
    prepare_work
    check_database
    restore "${2:?is the name of a dump, or newest}" "${3:-}"
    ;;
  *) fail "Say what to do: run, list or restore NAME." ;;
esac
