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
