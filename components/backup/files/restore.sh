# shellcheck shell=sh
# Replaces the contents of the database by a dump.
#
# backup.sh reads this file; the variables and functions that are not defined here are its own.
# shellcheck disable=SC2154

# Another connection could write rows that neither the safety dump nor the restored database would have. An exporter,
# a member of pg_monitor, only reads. The kind of a session of another role is not visible to this one.
refuse_others() {
  deadline=$(($(date +%s) + LEAVE_SECONDS))
  while :; do
    query "$live" <<'SQL' >"$private/others" || no_answer
SELECT count(*) FROM pg_stat_activity
LEFT JOIN pg_roles ON pg_roles.oid = usesysid
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
    AND (rolsuper OR NOT pg_has_role(usesysid, 'pg_monitor', 'MEMBER'));
SQL
    [ "$(cat "$private/others")" != 0 ] || return 0
    [ "$(date +%s)" -lt "$deadline" ] || fail "$(cat "$private/others") other sessions are connected to $PGDATABASE." \
      "Nothing was changed. Stop the web pods first."
    sleep 1
  done
}

# Everything that the role owns goes, with what depends on it. On an external server that may be an object of another
# role: then nothing changes.
clear_statement() {
  if is_external; then echo 'DROP OWNED BY CURRENT_USER RESTRICT;'; else cat "$SCRIPTS/clear.sql"; fi
}

select_entries() {
  read_list "$dump"
  ! is_external || leave_out_schemas "$live" 'pg_get_userbyid(nspowner) <> current_user'
}

# pgvector's CHANGELOG: hnsw came with 0.5.0, halfvec and sparsevec with 0.7.0.
check_vector() {
  run pg_restore --schema-only --use-list="$private/selected" --file="$private/definitions" "$dump" 2>>"$private/errors.log" ||
    fail_because dump "$chosen is damaged: its definitions cannot be read."
  needed=''
  for each in 'type vector:0.1.0:\.vector[^_a-z]' 'index method hnsw:0.5.0: USING hnsw ' 'type halfvec:0.7.0:\.halfvec[^_a-z]' \
    'type sparsevec:0.7.0:\.sparsevec[^_a-z]'; do
    ! grep -q -e "${each##*:}" "$private/definitions" || needed=${each%:*}
  done
  [ -n "$needed" ] || return 0
  since=${needed#*:}
  query "$live" >"$private/answer" <<SQL || no_answer
SELECT CASE WHEN version IS NULL THEN 'the server has none' ELSE 'the database has ' || version END FROM (SELECT coalesce(
  (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
  (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'))) AS present (version)
WHERE version IS NULL OR string_to_array(substring(version FROM '^[0-9.]*[0-9]'), '.')::int[] < '{$(echo "$since" | tr . ,)}';
SQL
  [ -s "$private/answer" ] || return 0
  fail "$chosen has the ${needed%%:*}, for which pgvector has to be $since or later, and $(cat "$private/answer"). Nothing was" \
    "changed. Install such a pgvector on the server, then: ALTER EXTENSION vector UPDATE"
}

restore() {
  chosen=$1
  # A safety dump is never the newest one: otherwise repeating the command would undo the restore.
  [ "$chosen" != newest ] || chosen=$(dumps | grep -v -- "$SAFETY" | head -n 1)
  [ -n "$chosen" ] || fail "There is no dump. Nothing was changed."
  case $chosen in
    */*) fail "$chosen is not the name of a dump. Nothing was changed." ;;
  esac
  dump=$BACKUP_DIRECTORY/$chosen
  [ -f "$dump" ] || fail "There is no dump $chosen. Nothing was changed. Dumps: $(dumps | tr '\n' ' ')"
  select_entries
  check_vector
  ! is_external || check_rights
  refuse_others
  if [ "${2:-}" = no-safety-dump ]; then
    say "Skipping the dump of the current data."
  else
    back_up "$SAFETY"
    say "To return to the current data: restore $name"
  fi
  select_entries
  save_records
  refuse_others
  say "Restoring $chosen into $PGDATABASE, in one transaction."
  restore_into "$live" "$dump" "$(clear_statement)" ||
    fail_because restore "$chosen could not be restored. The database is unchanged; the reason is above."
  write_records
  # The schemas of the role are those of the dump now.
  ! is_external || read_schemas
  contents "$live" >"$work/restored" ||
    fail_because dump "$chosen was restored, but its rows could not be counted; the reason is above."
  if [ -e "${dump%.dump}.contents" ] && ! cmp -s "${dump%.dump}.contents" "$work/restored"; then
    fail "$chosen was restored, but the database differs from the dump: another session wrote to it meanwhile," \
      "or this version of PostgreSQL writes some values differently."
  fi
  echo 'ANALYZE;' | query "$live" || fail_because dump "$chosen was restored, but ANALYZE failed; the reason is above."
  say "Restored $chosen: $(summary "$work/restored")."
}
