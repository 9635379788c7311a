# Reads the URL of a database and writes what libpq connects with: the parameters as the service "live" of a service
# file, the password as a password file. A URL in an argument would be visible to every process of the node.
# https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-CONNSTRING-URIS
#
# Variables: service, passwords, target: the files to write. target: host, port, user and database, a line each.
# Fails with a message that quotes no part of the URL.

function fail(message) {
  failed = 1
  print "backup: The URL of the database " message "." > "/dev/stderr"
  exit 1
}

function digit(character) {
  return index("0123456789abcdef", tolower(character)) - 1
}

function decoded(text, result, at, high, low) {
  result = ""
  while ((at = index(text, "%")) > 0) {
    high = digit(substr(text, at + 1, 1))
    low = digit(substr(text, at + 2, 1))
    if (length(text) < at + 2 || high < 0 || low < 0 || high + low == 0) fail("has a % without the two digits of a character")
    result = result substr(text, 1, at - 1) sprintf("%c", 16 * high + low)
    text = substr(text, at + 3)
  }
  return result text
}

# Not gsub, whose replacements differ between implementations where they have a backslash.
function escaped(password, result, at, character) {
  for (at = 1; at <= length(password); at++) {
    character = substr(password, at, 1)
    result = result (character ~ /[\\:]/ ? "\\" : "") character
  }
  return result
}

function set(name, value) {
  if (value ~ /[\n\r]/) fail("has a line break in a value")
  if (name != "password" && value ~ /[ \t]$/) fail("has a value that ends with a space")
  values[name] = value
}

function read_hosts(text, count, parts, number, host, port, hosts, ports) {
  count = split(text, parts, ",")
  for (number = 1; number <= count; number++) {
    host = parts[number]
    port = ""
    if (match(host, /:[0-9]*$/) && host !~ /^\[[^]]*\]$/) {
      port = substr(host, RSTART + 1)
      host = substr(host, 1, RSTART - 1)
    }
    gsub(/^\[|\]$/, "", host)
    hosts = hosts (number > 1 ? "," : "") decoded(host)
    ports = ports (number > 1 ? "," : "") (port == "" ? "5432" : port)
  }
  set("host", hosts)
  set("port", ports)
}

function read_parameters(text, count, parts, number, at) {
  count = split(text, parts, "&")
  for (number = 1; number <= count; number++) {
    if ((at = index(parts[number], "=")) < 2) fail("has a parameter without a value")
    set(decoded(substr(parts[number], 1, at - 1)), decoded(substr(parts[number], at + 1)))
  }
}

NR == 1 {
  sub(/\r$/, "")
  if (!match($0, /^postgres(ql)?(\+[a-z0-9]+)?:\/\//)) fail("does not begin with postgresql://")
  rest = substr($0, RLENGTH + 1)
  if (at = index(rest, "?")) {
    parameters = substr(rest, at + 1)
    rest = substr(rest, 1, at - 1)
  }
  if (at = index(rest, "/")) {
    set("dbname", decoded(substr(rest, at + 1)))
    rest = substr(rest, 1, at - 1)
  }
  if (match(rest, /.*@/)) {
    user = substr(rest, 1, RLENGTH - 1)
    rest = substr(rest, RLENGTH + 1)
    if (at = index(user, ":")) {
      set("password", decoded(substr(user, at + 1)))
      user = substr(user, 1, at - 1)
    }
    set("user", decoded(user))
  }
  read_hosts(rest)
  if (parameters != "") read_parameters(parameters)
}

END {
  if (failed) exit 1
  if (NR == 0) fail("is empty")
  if (values["host"] == "") fail("has no host")
  if (values["user"] == "") fail("has no user")
  if (values["dbname"] == "") fail("has no database")
  print "[live]" > service
  for (name in values) if (name != "password") print name "=" values[name] > service
  print "*:*:*:*:" escaped(values["password"]) > passwords
  print values["host"] "\n" values["port"] "\n" values["user"] "\n" values["dbname"] > target
}
