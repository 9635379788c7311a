#!/bin/sh
# Creates the roles of the database and gives them their passwords.
#
#   roles.sh prepare   once, with the rights of every role; prepare.sh runs it before the server can be reached
#   roles.sh watch     the passwords, whenever the kubelet has changed the files; stops with the pod
#
# Environment:
#   ROLES_DIRECTORY  a file for each role that may log in, named for it, with what PostgreSQL stores of its password
#   POSTGRES_USER    the owner of the database and of its tables
#   POSTGRES_DB      the database
#   CLIENT_ROLE      the role of the application while it serves; it has no login
#   CLIENT_USERS     its members, which log in in turn: a rotation gives the one that is not in use a new password
#   BACKUP_USER      the role of the backups
#   PGHOST, PGUSER   the server's socket and the superuser
# Exit status: 0 done or stopped, 1 refused or failed (the reason is the last line).
set -eu

PAUSE_SECONDS=${PAUSE_SECONDS:-2}
SCRIPTS=$(dirname "$0")

say() {
  printf 'roles: %s\n' "$*"
}

logins() {
  echo "$POSTGRES_USER $CLIENT_USERS $BACKUP_USER"
}

# PostgreSQL would take any other content as the password itself, in plain text in the statement.
check_files() {
  for role in $(logins); do
    file=$ROLES_DIRECTORY/$role
    case $role in
      "$POSTGRES_USER" | "$BACKUP_USER") [ -e "$file" ] || {
        say "There is no file $file: the Secret lacks a role. The passwords stay as they are." >&2
        return 1
      } ;;
      *) [ -e "$file" ] || continue ;;
    esac
    grep -Eqx 'SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+' "$file" || {
      say "$file does not hold a SCRAM-SHA-256 verifier. The passwords stay as they are." >&2
      return 1
    }
  done
}

# A role without a file may not log in: the second one of the application before the first rotation.
login_statements() {
  for role in $(logins); do
    printf '\\set role %s\n' "$role"
    cat <<'SQL'
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SQL
    if [ -e "$ROLES_DIRECTORY/$role" ]; then
      cat <<'SQL'
\set verifier `cat "$ROLES_DIRECTORY"/:'role'`
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'verifier';
SQL
    else
      echo 'ALTER ROLE :"role" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL;'
    fi
  done
}

rights_statements() {
  for role in $CLIENT_USERS; do
    printf '\\set member %s\n' "$role"
    # What they create belongs to the role that all of them have.
    echo 'GRANT :"clients" TO :"member"; ALTER ROLE :"member" SET role = :"clients";'
  done
  cat "$SCRIPTS/roles.sql"
}

# In one transaction: a stop in between changes nothing.
execute() {
  {
    cat <<'SQL'
BEGIN;
SELECT format('CREATE ROLE %I NOLOGIN', :'clients')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'clients') \gexec
SQL
    login_statements
    "$@"
    echo 'COMMIT;'
  } | psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse \
    -v owner="$POSTGRES_USER" -v database="$POSTGRES_DB" -v clients="$CLIENT_ROLE" -v backup="$BACKUP_USER" \
    -d "$POSTGRES_DB"
}

watch() {
  trap 'exit 0' TERM INT
  applied='' refused=''
  while :; do
    # Before they are read: a change meanwhile is applied in the next turn.
    current=$(cat "$ROLES_DIRECTORY"/* | cksum)
    if [ "$current" != "$applied" ] && [ "$current" != "$refused" ] && pg_isready -q -t 3; then
      if ! check_files; then
        refused=$current
      elif execute true; then
        applied=$current
        say "Every role has the password of the Secret."
      fi
    fi
    sleep "$PAUSE_SECONDS" &
    wait $!
  done
}

: "${ROLES_DIRECTORY:?is the directory of the verifiers}" "${POSTGRES_USER:?is the owner}" "${POSTGRES_DB:?is the database}"
: "${CLIENT_ROLE:?is the role that serves}" "${CLIENT_USERS:?are its members}" "${BACKUP_USER:?is the role of the backups}"
export PGOPTIONS='-c client_min_messages=warning -c statement_timeout=300s' PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10
case ${1:-} in
  prepare)
    check_files
    execute rights_statements
    ;;
  watch) watch ;;
  *)
    say "Usage: roles.sh prepare | watch." >&2
    exit 1
    ;;
esac
