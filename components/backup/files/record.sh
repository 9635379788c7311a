# shellcheck shell=sh
# The record of the backups in the database: table `open_webui_stack.backup`, one row for each place that a backup goes
# to (`volume`, `bucket`). Times are of the database's clock. Every role may read it, so that an exporter can: it names no data.
#
#   started_at    the last run began
#   succeeded_at  the last run that proved its backup ended; NULL: none did
#   failed_at     the last run that failed ended, or the next one found out that it had; NULL: none did
#   name, bytes   of the backup of succeeded_at
#
# The schema belongs to the role of the backups, if there is one (roles.sql). Dumps do not contain it, and a restore keeps
# its rows.
#
# backup.sh reads this file; the variables and functions that are not defined here are its own.
# shellcheck disable=SC2034,SC2154

RECORD_SCHEMA=open_webui_stack
recording=''

# record PLACE ASSIGNMENTS: sets columns of the row of the place. The database may refuse: the backup is as good.
record() {
  cat >"$private/record.sql" <<SQL
BEGIN;
-- IF NOT EXISTS would need the right to create schemas, also where it exists.
SELECT 'CREATE SCHEMA $RECORD_SCHEMA' WHERE to_regnamespace('$RECORD_SCHEMA') IS NULL \\gexec
CREATE TABLE IF NOT EXISTS $RECORD_SCHEMA.backup (
  place text PRIMARY KEY, started_at timestamptz, succeeded_at timestamptz, failed_at timestamptz, name text, bytes bigint
);
GRANT USAGE ON SCHEMA $RECORD_SCHEMA TO PUBLIC;
GRANT SELECT ON $RECORD_SCHEMA.backup TO PUBLIC;
INSERT INTO $RECORD_SCHEMA.backup (place) VALUES ('$1') ON CONFLICT (place) DO NOTHING;
UPDATE $RECORD_SCHEMA.backup SET $2 WHERE place = '$1';
COMMIT;
SQL
  : >"$private/errors.log"
  query "$live" <"$private/record.sql" >"$private/answer" || {
    cat "$private/errors.log" >&2
    say "The result could not be recorded in $RECORD_SCHEMA.backup: an alert on the age of backups will not see it." >&2
  }
}

# A run that was killed, or that failed where no container with the database's password was left, is a failure when the
# next one begins.
record_start() {
  recording="$recording $1"
  record "$1" "started_at = now(), failed_at =
    CASE WHEN started_at > coalesce(greatest(succeeded_at, failed_at), '-infinity') THEN now() ELSE failed_at END"
}

# record_success PLACE NAME BYTES
record_success() {
  record "$1" "succeeded_at = now(), name = '$2', bytes = $3"
  recording=''
}

# The rows as statements, because a restore drops the table if the role that restores owns it.
save_records() {
  cat >"$private/record.sql" <<SQL
SELECT EXISTS (
  SELECT FROM pg_class WHERE oid = to_regclass('$RECORD_SCHEMA.backup') AND pg_get_userbyid(relowner) = current_user
) AS recorded \\gset
\\if :recorded
SELECT format('place = place, started_at = %L, succeeded_at = %L, failed_at = %L, name = %L, bytes = %L|%s',
  started_at, succeeded_at, failed_at, name, bytes, place)
FROM $RECORD_SCHEMA.backup;
\\endif
SQL
  query "$live" <"$private/record.sql" >"$private/records" || no_answer
}

write_records() {
  while IFS='|' read -r assignments place; do
    record "$place" "$assignments"
  done <"$private/records"
}

# The container that copies the dump to the bucket leaves the name and the size of the set on the volume.
record_bucket() {
  [ -s "$BACKUP_DIRECTORY/.bucket-result" ] || fail "The bucket has no set: the container that makes it failed."
  read -r set size <"$BACKUP_DIRECTORY/.bucket-result"
  record_success bucket "$set" "$size"
  rm "$BACKUP_DIRECTORY/.bucket-result"
  say "Recorded: the bucket has $set."
}
