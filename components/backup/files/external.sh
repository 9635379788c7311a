# shellcheck shell=sh
# The database of a server that the stack did not set up, by its URL. The role of the URL owns the tables of Open WebUI;
# the database may hold objects of other roles, in schemas of their own. They are in no dump, and no restore drops them.
#
# backup.sh reads this file; the variables and functions that are not defined here are its own.
# shellcheck disable=SC2034,SC2154

is_external() {
  [ -n "${URL_FILE:-}" ]
}

# Sets PGHOST, PGPORT, PGUSER and PGDATABASE, which only messages use: libpq reads its own files.
use_url() {
  LC_ALL=C awk -v service="$private/pg_service.conf" -v passwords="$private/pgpass" -v target="$private/target" \
    -f "$SCRIPTS/connection-url.awk" "$URL_FILE" || fail "The URL of the database cannot be used; the reason is above."
  { read -r PGHOST && read -r PGPORT && read -r PGUSER && read -r PGDATABASE; } <"$private/target"
  export PGSERVICEFILE="$private/pg_service.conf"
  live=service=live
  # The role of the URL may have the name of the superuser, and only a superuser may create every extension.
  private_server="host=$private port=5432 user=postgres dbname=copy"
}

# As statements, because a pooler may refuse PGOPTIONS.
write_settings() {
  settings=$private/settings.sql
  cat >"$settings" <<SQL
SET client_min_messages = error; SET lock_timeout = '${LEAVE_SECONDS}s';
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';
SET extra_float_digits = 1;
SQL
}

# In which schemas the role owns anything: these are dumped. Fails if a restore could not replace what is there.
check_schemas() {
  read_schemas
  grep '^other|' "$private/schemas" >"$private/others" || return 0
  sed -n '1,5s/^other|/backup:   /p' "$private/others" >&2
  fail "$(wc -l <"$private/others") objects belong to other roles than $PGUSER, the first ones are above: a restore" \
    "could not replace them. If they are Open WebUI's, use the URL of their owner, or: ALTER ROLE \"$PGUSER\" SET role" \
    "= <owner>. Otherwise move them to a schema where $PGUSER owns nothing."
}

read_schemas() {
  query "$live" <"$SCRIPTS/schemas.sql" >"$private/schemas" || no_answer
  excluded=$(sed -n 's/^array|//p' "$private/schemas")
  sed -n 's/^exclude|/--exclude-schema=/p' "$private/schemas" >"$private/options"
}

# The private server has the extensions of the database, as far as its image does. A table that needs another one does
# not fit in: then the restore says so.
prepare_copy() {
  query "$live" <<'SQL' >"$private/extensions.sql" || no_answer
SELECT '\set ON_ERROR_STOP 0' UNION ALL SELECT 'DROP EXTENSION IF EXISTS vector;';
SELECT format(E'CREATE SCHEMA IF NOT EXISTS %I;\n'
  'SELECT format(''CREATE EXTENSION IF NOT EXISTS %%I SCHEMA %I CASCADE'', name) FROM pg_available_extensions WHERE name = %L \\gexec',
  nspname, nspname, extname)
FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname <> 'plpgsql' ORDER BY pg_extension.oid;
SQL
  query "$private_server" <"$private/extensions.sql" >"$private/answer" || fail_because dump \
    "The private server could not be prepared; the reason is above."
  sed -i '/ EXTENSION - /d' "$private/selected"
  leave_out_schemas "$private_server" true
}

# leave_out_schemas SERVER CONDITION: schemas that exist, and stay, are not created.
leave_out_schemas() {
  query "$1" >"$private/existing" <<SQL || no_answer
SELECT format(' SCHEMA - %s ', nspname) FROM pg_namespace WHERE $2;
SQL
  grep -vF -f "$private/existing" "$private/selected" >"$private/remaining" || true
  mv "$private/remaining" "$private/selected"
}

# Before anything is changed: what the role needs, and how it gets it.
check_rights() {
  creates_schema=$(grep -q ' SCHEMA - ' "$private/selected" && echo true || echo false)
  uses_public=$(grep -q ' TABLE public ' "$private/selected" && echo true || echo false)
  query "$live" >"$private/answer" <<SQL || no_answer
SELECT format('The server is a standby or read-only: the URL has to lead to the primary.')
WHERE pg_is_in_recovery() OR current_setting('transaction_read_only')::bool;
SELECT format('The role may not create tables in the schema public. As its owner: GRANT CREATE ON SCHEMA public TO %I', current_user)
WHERE $uses_public AND NOT has_schema_privilege('public', 'CREATE');
SELECT format('The role may not create schemas, and the dump has some. As the owner of the database: GRANT CREATE ON DATABASE %I TO %I',
  current_database(), current_user)
WHERE $creates_schema AND NOT has_database_privilege(current_database(), 'CREATE');
SQL
  [ ! -s "$private/answer" ] || fail "$(cat "$private/answer") Nothing was changed."
  query "$live" <"$SCRIPTS/dependents.sql" >"$private/answer" || no_answer
  [ -s "$private/answer" ] || return 0
  sed 's/^/backup:   /' "$private/answer" >&2
  fail "The objects above belong to other roles and depend on those of $PGUSER, which a restore drops first. Nothing was" \
    "changed. Drop them, and create them again afterwards."
}
