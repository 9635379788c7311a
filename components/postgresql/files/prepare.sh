#!/bin/sh
# Prepares the data directory before the server starts: creates the database cluster if there is none, then the
# owner's role with its current password, its database, pgvector and the other roles. Every start runs every step; each
# step is idempotent. Data of another major version: upgrade.sh.
#
#   prepare.sh        prepare the data directory
#   prepare.sh dump   in the image that wrote the data: dump them for the upgrade
#
# Environment:
#   PGDATA           data directory; the directory above it is the volume
#   POSTGRES_USER    the role that owns the database, not the superuser
#   POSTGRES_DB      the application's database
#   PASSWORD_FILE    file with the owner's password, or with what PostgreSQL stores of it
#   ROLES_DIRECTORY  files of the other roles (roles.sh, whose other variables are needed too); unset: no other roles
#   UPGRADE_UNDO     major version whose upgrade is undone; empty or not set for none
#   ARCHIVE_MODE     "on" for a server that archives its WAL (default: off)
# Exit status: 0 ready, 1 refused or failed (the reason is the last line), 130 or 143 stopped by a signal.
set -eu

# As long as the startup probe of the server allows for replaying the WAL after a crash.
START_SECONDS=600
STOP_SECONDS=100
SUPERUSER=postgres
SCRIPTS=$(dirname "$0")

private=''
child=''
server=''

say() {
  printf 'prepare: %s\n' "$*"
}

fail() {
  say "$*" >&2
  exit 1
}

# In the background, because a shell runs its traps only between foreground commands.
run() {
  { "$@" <&3 3<&- & } 3<&0
  child=$!
  status=0
  wait "$child" || status=$?
  child=''
  return "$status"
}

clean_up() {
  exit_status=$?
  trap - EXIT
  trap '' INT TERM
  set +e
  [ -z "$child" ] || kill "$child" 2>/dev/null
  stop_server
  [ -z "$private" ] || rm -rf "$private"
  exit "$exit_status"
}

check_environment() {
  : "${PGDATA:?is the data directory}" "${POSTGRES_USER:?is the role}" "${POSTGRES_DB:?is the database}"
  : "${PASSWORD_FILE:?is the file with the password}"
  [ "$POSTGRES_USER" != "$SUPERUSER" ] || fail "POSTGRES_USER is the superuser $SUPERUSER; name another role."
  [ -r "$PASSWORD_FILE" ] || fail "PASSWORD_FILE $PASSWORD_FILE cannot be read; mount the Secret there."
  # The content never becomes an argument or a variable of this shell, where a trace could show it.
  grep -q . "$PASSWORD_FILE" || fail "PASSWORD_FILE $PASSWORD_FILE is empty; write the password to it."
}

create_cluster() {
  [ ! -e "$PGDATA" ] || rmdir "$PGDATA" 2>/dev/null ||
    fail "$PGDATA holds files, but no PG_VERSION: it is not a PostgreSQL data directory. Nothing was changed. Use an empty volume."
  say "Creating a new cluster in $PGDATA."
  initialize_unfinished
  mv "$unfinished" "$PGDATA"
  sync "$(dirname "$PGDATA")"
}

# A killed initdb leaves an incomplete cluster, so it writes to another directory, which is renamed when it is complete.
initialize_unfinished() {
  if [ -e "$unfinished" ]; then
    say "Removing $unfinished of an interrupted start."
    rm -rf "$unfinished"
  fi
  name_user
  # C.UTF-8 sorts by code point: no update of the C library can change the order that indexes rely on.
  # The server has its own pg_hba.conf; the one in the data directory rejects every connection.
  run env ${preload:+"$preload"} NSS_WRAPPER_PASSWD="$private/passwd" NSS_WRAPPER_GROUP="$private/group" \
    initdb -D "$unfinished" -U "$SUPERUSER" --encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth=reject \
    --no-instructions >"$private/initdb.log" 2>&1 || {
    cat "$private/initdb.log" >&2
    fail "initdb failed; the reason is above."
  }
}

# initdb fails if the user has no name; the server and psql do not need one.
name_user() {
  preload=''
  ! getent passwd "$(id -u)" >/dev/null || return 0
  for library in /usr/lib/*/libnss_wrapper.so /usr/lib/libnss_wrapper.so /usr/lib64/libnss_wrapper.so; do
    [ -e "$library" ] || continue
    printf '%s:x:%s:%s::/tmp:/bin/false\n' "$SUPERUSER" "$(id -u)" "$(id -g)" >"$private/passwd"
    printf '%s:x:%s:\n' "$SUPERUSER" "$(id -g)" >"$private/group"
    preload=LD_PRELOAD=$library
    return 0
  done
  fail "User $(id -u) has no name in /etc/passwd, and initdb needs one. Use an image with libnss_wrapper" \
    "(the official postgres images have it) or a user that has a name."
}

# start_server DIRECTORY [OPTION...]: listens only on a socket in a private directory: no other process can connect.
start_server() {
  directory=$1
  shift
  say "Starting a private server."
  printf 'local all all trust\n' >"$private/pg_hba.conf"
  # The server refuses to start if fsGroup has opened the directory to the group.
  chmod 0700 "$directory"
  # A child of this process: after a crash the lock file names process 1, which the server accepts only as its parent.
  # Statements are never logged: one of them contains the password.
  # Without archive_mode it would recycle segments that are not in the archive. It has no archive_command: they wait.
  postgres -D "$directory" -c archive_mode="${ARCHIVE_MODE:-off}" -c archive_command= "$@" -c port=5432 \
    -c listen_addresses= -c unix_socket_directories="$private" -c unix_socket_permissions=0700 \
    -c hba_file="$private/pg_hba.conf" -c logging_collector=off -c log_destination=stderr -c log_statement=none \
    -c log_min_duration_statement=-1 -c log_min_error_statement=panic -c log_parameter_max_length_on_error=0 &
  server=$!
  export PGHOST="$private" PGPORT=5432 PGUSER="$SUPERUSER" PGCONNECT_TIMEOUT=10 PGCLIENTENCODING=UTF8
  export PGOPTIONS='-c client_min_messages=warning -c statement_timeout=300s'
  wait_for_server
}

wait_for_server() {
  deadline=$(($(date +%s) + START_SECONDS))
  until pg_isready -q -t 3; do
    sleep 0.2
    kill -0 "$server" 2>/dev/null || { server='' && fail "The private server stopped; the reason is above."; }
    [ "$(date +%s)" -lt "$deadline" ] || fail "The private server was not ready after $START_SECONDS s."
  done
}

# SIGINT is a fast shutdown, SIGQUIT an immediate one that the next start recovers from.
stop_server() {
  [ -n "$server" ] || return 0
  kill -INT "$server" 2>/dev/null || true
  deadline=$(($(date +%s) + STOP_SECONDS))
  while kill -0 "$server" 2>/dev/null; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      say "The private server did not stop within $STOP_SECONDS s; stopping it at once." >&2
      kill -QUIT "$server" 2>/dev/null || true
      break
    fi
    sleep 0.2
  done
  status=0
  wait "$server" || status=$?
  server=''
  return "$status"
}

# Terse, because a full error shows the statement.
query() {
  run psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -v user="$POSTGRES_USER" -v database="$POSTGRES_DB"
}

prepare_role_and_database() {
  say "Setting the password of $POSTGRES_USER and the rights on $POSTGRES_DB."
  PGDATABASE=postgres query <<'SQL' || fail "The role and the database could not be prepared; the reason is above."
SELECT format('CREATE ROLE %I', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
\set password `cat "$PASSWORD_FILE"`
ALTER ROLE :"user" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
\unset password
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
ALTER DATABASE :"database" OWNER TO :"user";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
}

prepare_extension() {
  PGDATABASE=$POSTGRES_DB query <<'SQL' || fail "The extension vector could not be prepared; the reason is above."
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS available \gset
\if :available
CREATE EXTENSION IF NOT EXISTS vector;
ALTER EXTENSION vector UPDATE;
\else
\echo 'prepare: This image has no pgvector: VECTOR_DB=pgvector will not work with it.'
\endif
SQL
}

# It reads statistics, and no table of the application. It has no password: pg_hba.conf admits it from inside the pod
# alone, and only with monitoring.
prepare_exporter() {
  PGDATABASE=postgres query <<'SQL' || fail "The role of the exporter could not be prepared; the reason is above."
SELECT 'CREATE ROLE exporter' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'exporter') \gexec
ALTER ROLE exporter LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5 PASSWORD NULL;
ALTER ROLE exporter RESET ALL;
ALTER ROLE exporter SET statement_timeout = '8s';
GRANT pg_monitor TO exporter;
GRANT CONNECT ON DATABASE :"database" TO exporter;
SQL
}

prepare_other_roles() {
  [ -n "${ROLES_DIRECTORY:-}" ] || return 0
  say "Setting the passwords and the rights of the other roles."
  run sh "$SCRIPTS/roles.sh" prepare || fail "The other roles could not be prepared; the reason is above."
}

# shellcheck source=components/postgresql/files/upgrade.sh
. "$SCRIPTS/upgrade.sh"

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
check_environment
name_directories
umask 077
private=$(mktemp -d)
program=$(postgres --version | sed -n 's/^postgres (PostgreSQL) \([0-9][0-9]*\).*/\1/p')
if [ "${1:-}" = dump ]; then
  dump_for_upgrade
  exit 0
fi
settle_directories
if [ ! -e "$PGDATA/PG_VERSION" ]; then create_cluster; else follow_version; fi
start_server "$PGDATA"
prepare_role_and_database
prepare_extension
prepare_exporter
prepare_other_roles
stop_server || fail "The private server did not stop cleanly; the reason is above."
say "Ready."
