# shellcheck shell=sh
# Restores a dump: into the database, or into a private server, where it is verified.
#
# backup.sh reads this file; the variables and functions that are not defined here are its own.
# shellcheck disable=SC2154

# COMMIT follows only if the whole dump has been read; without it the server rolls everything back.
write_sql() {
  printf 'BEGIN;\n%s\n' "$2"
  pg_restore --no-owner --no-privileges --use-list="$private/selected" --file=- "$1" && printf 'COMMIT;\n'
}

# A server that is older than pg_restore does not know every parameter that it sets before the first rows.
filter_sql() {
  rm -f "$private/older"
  mkfifo "$private/older"
  LC_ALL=C sed '1,/^COPY /{ /^SET transaction_timeout = 0;$/d; }' <"$private/sql" >"$private/older" 2>>"$private/reading.log" 9>&- &
  filter=$!
  sql=$private/older
}

# restore_into SERVER DUMP STATEMENT: restores in one transaction, which the statement begins.
restore_into() {
  rm -f "$private/sql"
  mkfifo "$private/sql"
  write_sql "$2" "$3" >"$private/sql" 2>"$private/reading.log" 9>&- &
  reader=$!
  sql=$private/sql filter=''
  if [ "$1" = "$live" ] && [ "$server_major" -lt "$program_major" ]; then filter_sql; fi
  answer=0
  query "$1" <"$sql" >"$private/answer" || answer=$?
  for process in $filter $reader; do
    wait "$process" || {
      # If the server failed, that is the cause, and the reader only saw a broken pipe.
      [ "$answer" -ne 0 ] || cat "$private/reading.log" >>"$private/errors.log"
      answer=1
    }
  done
  return "$answer"
}

# A private server, prepared by the same script as the real one. No other process can connect. Its data are deleted
# afterwards, so it runs without protection against a crash.
start_private_server() {
  od -An -N16 -tx1 /dev/urandom >"$private/server-password"
  # The server would use PGPORT, too.
  if is_external; then owner=owner database=copy; else owner=$PGUSER database=$PGDATABASE; fi
  run env -u PGPORT -u PGOPTIONS PGDATA="$work/pgdata" POSTGRES_USER="$owner" POSTGRES_DB="$database" \
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
  ! is_external || prepare_copy
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
