#!/bin/sh
# shellcheck disable=SC2154 # prepare.sh, which sources it, sets the other variables
#
# Brings stored data to another major version of PostgreSQL, and back. A part of prepare.sh, which sources it.
#
# The image that wrote the data dumps them (dump_for_upgrade, in a container before the one of the new image), the new
# image restores the dump into a new directory, compares every table, and only then gives that directory its name. The
# data directory from before the upgrade stays on the volume. Directories, in the order in which they come and go:
#
#   pgdata             what the server uses
#   upgrade            a complete dump of pgdata, on which no server has worked since (upgrade.unfinished: incomplete)
#   pgdata.unfinished  the dump is being restored
#   pgdata.upgraded    everything is restored and compared
#   pgdata-17          what pgdata was until the upgrade
#   pgdata-18.undone-… what pgdata was until the upgrade was undone
#
# Killed at any point: the same start again, or the old image, goes on with complete data.

name_directories() {
  volume=$(dirname "$PGDATA")
  dump=$volume/upgrade
  unfinished=$PGDATA.unfinished
  upgraded=$PGDATA.upgraded
}

# The settings that affect the text of a value, so that both servers write it the same way.
SAME_TEXT='-c client_min_messages=warning -c statement_timeout=0 -c timezone=UTC -c datestyle=ISO
-c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1'

# Bound of the log while a dump is restored. The default of the server may be as large as the databases.
LOG_MEBIBYTES=64

# version_in DIRECTORY: the major version that wrote it; empty when it is not a data directory.
version_in() {
  cat "$1/PG_VERSION" 2>/dev/null || true
}

# Between the two renames of an upgrade, or of its undoing, no directory has the name pgdata. Never a reason to create an
# empty cluster.
settle_directories() {
  [ ! -e "$PGDATA" ] || return 0
  if [ "$(version_in "$upgraded")" = "$program" ]; then
    say "Finishing the interrupted upgrade to PostgreSQL $program."
    rename "$upgraded" "$PGDATA"
  elif [ "$(version_in "$PGDATA-$program")" = "$program" ]; then
    say "Taking back the data of PostgreSQL $program from before an interrupted change of the version."
    rename "$PGDATA-$program" "$PGDATA"
  fi
  [ ! -e "$PGDATA" ] || return 0
  for other in "$PGDATA"-* "$upgraded"; do
    [ -z "$(version_in "$other")" ] || fail "$PGDATA is missing, but $other holds data of PostgreSQL $(version_in "$other")," \
      "and this image has PostgreSQL $program. Nothing was changed. Use an image with that version."
  done
}

rename() {
  mv "$1" "$2"
  sync "$volume"
}

# The data directory exists: it is of this version, or is made so, or nothing is changed.
follow_version() {
  data=$(version_in "$PGDATA")
  if [ "$data" = "$program" ]; then
    forget_upgrade
  elif [ "${UPGRADE_UNDO:-}" = "$data" ]; then
    undo_upgrade
  elif [ "$(cat "$dump/version" 2>/dev/null)" = "$data" ]; then
    finish_upgrade
  else
    fail "$PGDATA was written by PostgreSQL $data, but this image has PostgreSQL $program." \
      "Nothing was changed. Go back to an image with PostgreSQL $data, or name that image in" \
      "postgresql.upgrade.fromImage: then the data are upgraded (pg_dump, pg_restore)."
  fi
}

# The server is about to work on pgdata: a dump of it would be out of date.
forget_upgrade() {
  rm -rf "$dump" "$dump.unfinished" "$upgraded" "$unfinished"
  for kept in "$PGDATA"-*; do
    [ -z "$(version_in "$kept")" ] || say "$kept holds data of PostgreSQL $(version_in "$kept") that were kept:" \
      "$(du -sm "$kept" | cut -f 1) MiB."
  done
}

undo_upgrade() {
  kept=$PGDATA-$program
  [ "$(version_in "$kept")" = "$program" ] || fail "The upgrade to PostgreSQL $data cannot be undone: the data from" \
    "before it, $kept, are not there. Nothing was changed."
  aside=$PGDATA-$data.undone-$(date -u +%Y%m%dT%H%M%SZ)
  say "Going back to the data of PostgreSQL $program from before the upgrade. Those of PostgreSQL $data become $aside."
  rm -rf "$dump" "$dump.unfinished" "$upgraded"
  rename "$PGDATA" "$aside"
  rename "$kept" "$PGDATA"
}

# The server's own configuration, for its memory; without what belongs to the network and the archive.
start_tuned_server() {
  tuned=$1
  shift
  start_server "$tuned" -c config_file="$SCRIPTS/postgresql.conf" -c data_directory="$tuned" \
    -c ident_file="$tuned/pg_ident.conf" -c ssl=off -c archive_mode=off -c autovacuum=off "$@"
  export PGOPTIONS="$SAME_TEXT"
}

# ask CONNECTION: rows of the statements on standard input. Terse, because a full error shows the row.
ask() {
  run psql --no-psqlrc --no-password --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "$1"
}

# A line for each database: a number, which names its files, and a connection string.
list_databases() {
  ask template1 <<'SQL'
SELECT oid, format('dbname=''%s''', regexp_replace(datname, '([\\''])', '\\\1', 'g'))
FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY oid;
SQL
}

check_space() {
  ask template1 <<'SQL' >"$private/size"
SELECT (sum(pg_database_size(oid)) / 1048576)::bigint FROM pg_database;
SQL
  size=$(cat "$private/size")
  free=$(df -P -m "$volume" | awk 'NR == 2 { print $4 }')
  # A dump of pictures in chats is nearly as large as they are. Besides there are an empty server and its log.
  needed=$((2 * size + 3 * LOG_MEBIBYTES))
  say "The databases have $size MiB; the volume has $free MiB free."
  [ "$free" -ge "$needed" ] || fail "The upgrade needs $needed MiB for the dump and the new data. Nothing was changed." \
    "Raise postgresql.storage.size, or go back to the image with PostgreSQL $program."
}

# In the image that wrote the data. No client can connect meanwhile, so nothing is written after the dump.
dump_for_upgrade() {
  data=$(version_in "$PGDATA")
  if [ "$data" != "$program" ]; then
    say "Nothing to dump: $PGDATA is not of PostgreSQL $program."
    return
  fi
  [ ! -e "$PGDATA-$program" ] || fail "$PGDATA-$program of an earlier upgrade is in the way. Nothing was changed. Remove" \
    "or rename it."
  rm -rf "$dump" "$dump.unfinished" "$upgraded" "$PGDATA.unfinished"
  mkdir "$dump.unfinished"
  start_tuned_server "$PGDATA"
  check_space
  list_databases >"$dump.unfinished/databases"
  while IFS='|' read -r number database; do dump_database "$number" "$database"; done <"$dump.unfinished/databases"
  run pg_dumpall --roles-only --no-password --file="$dump.unfinished/roles.sql" ||
    fail "The roles could not be dumped; the reason is above. Nothing was changed."
  stop_server || fail "The private server did not stop cleanly; the reason is above."
  echo "$program" >"$dump.unfinished/version"
  sync "$dump.unfinished"/* "$dump.unfinished"
  rename "$dump.unfinished" "$dump"
  say "Dumped $(wc -l <"$dump/databases") databases: $(du -sm "$dump" | cut -f 1) MiB."
}

# dump_database NUMBER CONNECTION
dump_database() {
  say "Dumping $2."
  run pg_dump --format=custom --no-password --file="$dump.unfinished/$1.dump" -d "$2" ||
    fail "The database could not be dumped; the reason is above. Nothing was changed."
  ask "$2" <"$SCRIPTS/contents.sql" >"$dump.unfinished/$1.contents" ||
    fail "The rows could not be counted; the reason is above. Nothing was changed."
}

finish_upgrade() {
  [ "$data" -lt "$program" ] || fail "A dump of PostgreSQL $data cannot be restored into PostgreSQL $program. Nothing was" \
    "changed. Go back to an image with PostgreSQL $data."
  [ "$(version_in "$upgraded")" = "$program" ] || restore_dump
  say "Everything is there: $PGDATA is of PostgreSQL $program now. The data of PostgreSQL $data stay in $PGDATA-$data."
  rename "$PGDATA" "$PGDATA-$data"
  rename "$upgraded" "$PGDATA"
  rm -rf "$dump"
}

restore_dump() {
  say "Upgrading the data from PostgreSQL $data to PostgreSQL $program."
  initialize_unfinished
  # Nothing is lost in a crash but this directory, which the next start makes again.
  start_tuned_server "$unfinished" -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
    -c wal_level=minimal -c max_wal_senders=0 -c archive_mode=off \
    -c min_wal_size=${LOG_MEBIBYTES}MB -c max_wal_size=${LOG_MEBIBYTES}MB
  # The superuser exists already.
  sed "/^CREATE ROLE $SUPERUSER;\$/d" "$dump/roles.sql" >"$private/roles.sql"
  ask template1 <"$private/roles.sql" || not_upgraded "The roles could not be restored"
  while IFS='|' read -r number database; do restore_database "$number" "$database"; done <"$dump/databases"
  stop_server || fail "The private server did not stop cleanly; the reason is above."
  run initdb --sync-only -D "$unfinished" >"$private/sync.log" 2>&1 || {
    cat "$private/sync.log" >&2
    not_upgraded "The new data could not be written to the disk"
  }
  rename "$unfinished" "$upgraded"
}

# restore_database NUMBER CONNECTION
restore_database() {
  say "Restoring $2: $(wc -c <"$dump/$1.dump") bytes, $(summary "$dump/$1.contents")."
  # One of the dumped databases exists in the new cluster, and is empty: postgres.
  run pg_restore --exit-on-error --no-password --clean --if-exists --create -d template1 "$dump/$1.dump" ||
    not_upgraded "The dump could not be restored"
  ask "$2" <"$SCRIPTS/contents.sql" >"$private/contents" || not_upgraded "The restored rows could not be counted"
  cmp -s "$dump/$1.contents" "$private/contents" || {
    diff "$dump/$1.contents" "$private/contents" | sed -n 's/^[<>] [0-9]*|[-0-9]*|/prepare:   /p' | sort -u >&2
    not_upgraded "The restored tables do not hold what the database held"
  }
  ask "$2" <<'SQL' || not_upgraded "The statistics for queries could not be made"
ANALYZE;
SQL
}

# summary FILE: the number of tables and rows in the output of contents.sql.
summary() {
  awk -F '|' '{ rows += $1 } END { printf "%d tables with %d rows", NR, rows }' "$1"
}

not_upgraded() {
  # Also on a volume that is full now, the server of before has room again.
  stop_server || true
  rm -rf "$unfinished"
  fail "$1; the reason is above. The data of PostgreSQL $data are unchanged: to go back, set postgresql.image to the" \
    "image with that version again."
}
