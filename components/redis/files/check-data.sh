#!/bin/sh
# check-data.sh ENGINE COMMAND...: runs the command, which starts the server, unless the data on the volume has a format that
# the server cannot read. Without this the server ends with an error about a version number and is restarted again and again.
set -eu

# Only tests set these; in the containers the files are where the stack mounts them.
formats=${CONFIGURATION_DIRECTORY:-/etc/redis}/data-formats
data=${DATA_DIRECTORY:-/data}
termination_log=${TERMINATION_LOG:-/dev/termination-log}

engine=$1
shift

# The file that the server loads first: the base of the append-only file. Before Redis 7 that was the whole file.
base_file() {
  manifest=$data/appendonlydir/appendonly.aof.manifest
  if [ -r "$manifest" ]; then
    awk -v directory="$data/appendonlydir" '$1 == "file" && $6 == "b" { print directory "/" $2 }' "$manifest"
  else
    echo "$data/appendonly.aof"
  fi
}

# Format of the server's release, and whether a later release has another one: after the last entry of the table a format is a
# guess.
format_of_release() {
  awk -v engine="$engine" -v release="$1" '
    function number(text) { split(text, part, "."); return part[1] * 1000 + part[2] }
    $1 == engine { later = number($2) > number(release); if (!later) format = $3 }
    END { if (format) print format, later + 0 }' "$formats"
}

# The releases that introduced a format, as words.
writers() {
  awk -v format="$1" '
    $1 != "common" && $3 == format { words = words join toupper(substr($1, 1, 1)) substr($1, 2) " " $2; join = " or " }
    END { print (words ? words : "a release that this version of the stack does not know") }' "$formats"
}

refuse() {
  message="$("$engine-server" --version | cut -d ' ' -f 1,3) cannot read the data on this volume.
  data:     $file has format $format, which begins with $(writers "$format")
  server:   engine $engine, format $own
  changed:  nothing; the server was not started
  to do:    set redis.engine and redis.image back to what wrote the data, or let Redis begin without data
            (docs/redis.md, Another engine or release)"
  echo "$message" >&2
  if [ -w "$termination_log" ]; then
    echo "$message" >"$termination_log"
  fi
  exit 1
}

file=$(base_file)
if [ ! -r "$file" ]; then
  exec "$@"
fi
magic=$(head -c 9 "$file" | tr -d '\0')
case $magic in
  REDIS[0-9][0-9][0-9][0-9]) family=redis digits=${magic#REDIS} ;;
  VALKEY[0-9][0-9][0-9]) family=valkey digits=${magic#VALKEY} ;;
  # Commands as text: every server reads them.
  *) exec "$@" ;;
esac
format=$(echo "$digits" | sed 's/^0*//')
if [ "$format" -le "$(awk '$1 == "common" { print $3 }' "$formats")" ]; then
  family=$engine
fi

release=$("$engine-server" --version | sed -n 's/.* v=\([0-9]*\.[0-9]*\).*/\1/p')
known=$(format_of_release "${release:-0.0}")
if [ -z "$known" ]; then
  exec "$@"
fi
own=${known% *} later=${known#* }
if [ "$family" != "$engine" ] || { [ "$format" -gt "$own" ] && [ "$later" = 1 ]; }; then
  refuse
fi
exec "$@"
