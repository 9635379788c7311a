# shellcheck shell=sh
# What a backup in a bucket says of its dump beside the contents: versions, and which uploaded files the rows name.
#
#   facts   NAME=VALUE: server_version, vector_version, alembic_revision
#   paths   a JSON text for each row of the table of files
#
# backup.sh reads this file; the variables and functions that are not defined here are its own.
# shellcheck disable=SC2154

# At the snapshot of the dump.
write_facts() {
  facts >"$work/facts" || fail_because dump "The versions could not be read; the reason is above."
  paths >"$work/paths" || fail_because dump "The names of uploaded files could not be read; the reason is above."
}

facts() {
  cat >"$private/facts.sql" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT :'snapshot';
SELECT 'server_version=' || current_setting('server_version');
SELECT 'vector_version=' || extversion FROM pg_extension WHERE extname = 'vector';
SELECT to_regclass('public.alembic_version') IS NOT NULL AS migrated \gset
\if :migrated
SELECT 'alembic_revision=' || version_num FROM public.alembic_version;
\endif
SQL
  query "$live" <"$private/facts.sql"
}

paths() {
  cat >"$private/paths.sql" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT :'snapshot';
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.file') AND attname = 'path') AS uploads \gset
\if :uploads
SELECT to_json(path) FROM public.file WHERE path IS NOT NULL;
\endif
SQL
  query "$live" <"$private/paths.sql"
}
