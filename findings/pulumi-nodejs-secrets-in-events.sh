#!/usr/bin/env bash
# Software:  @pulumi/pulumi 3.220.0 (npm) on Node.js 20, pulumi 3.272.0 (PyPI) on Python 3.11 or newer.
# Date:      2026-11-30
#
# Expected:  The engine hides secrets in everything that it shows, and an SDK sends it no secret in a message.
# Observed:  The SDK for Node.js sends each response to RegisterResource to the engine as a debug message, secret outputs in plain
#            text. The engine hides the secrets that it knows by their mark; a message has none. Debug messages are events, so
#            they are in `onEvent` of the Automation API and in the event log of the CLI also without `--debug`. The SDK for Python sends
#            no such message.
#
# Output:
#   @pulumi/pulumi 3.220.0: 1 messages of severity DEBUG with the secret, 0 of others
#   pulumi 3.272.0 (Python): 0 messages with the secret
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund --ignore-scripts @pulumi/pulumi@3.220.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pulumi==3.272.0

# An engine that answers each registration with one secret output, and keeps the messages that it gets.
cat >engine.py <<'PYTHON'
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "made-up-password"}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def SupportsFeature(self, request, context):
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in ("secrets", "resourceReferences"))

    def RegisterResource(self, request, context):
        state = Struct()
        if request.type == "example:index:Account":
            state.update({"password": SECRET})
        urn = f"urn:pulumi:dev::example::{request.type}::{request.name}"
        return resource_pb2.RegisterResourceResponse(urn=urn, id="1" if request.custom else "", object=state)

    def RegisterResourceOutputs(self, request, context):
        return Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request, context):
        if "made-up-password" in request.message:
            print(engine_pb2.LogSeverity.Name(request.severity), flush=True)
        return Empty()

    def SetRootResource(self, request, context):
        return engine_pb2.SetRootResourceResponse()

    def GetRootResource(self, request, context):
        return engine_pb2.GetRootResourceResponse()


server = grpc.server(ThreadPoolExecutor())
resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with open(sys.argv[1], "w") as file:
    file.write(str(port))
server.wait_for_termination()
PYTHON

cat >program.js <<'JAVASCRIPT'
const pulumi = require("@pulumi/pulumi");
const runtime = require("@pulumi/pulumi/runtime");
const address = `127.0.0.1:${process.argv[2]}`;
runtime.resetOptions("example", "dev", 4, address, address, false, "organization");
runtime.runInPulumiStack(async () => {
    new pulumi.CustomResource("example:index:Account", "account", { password: undefined });
}).then(() => runtime.disconnect());
JAVASCRIPT

cat >program.py <<'PYTHON'
import asyncio
import sys

import pulumi
from pulumi.runtime.settings import reset_options
from pulumi.runtime.stack import run_in_stack


def program():
    pulumi.CustomResource("example:index:Account", "account", {"password": None})


address = f"127.0.0.1:{sys.argv[1]}"
reset_options(project="example", stack="dev", parallel=4, engine_address=address, monitor_address=address, preview=False)
asyncio.run(run_in_stack(program))
PYTHON

# Run a program against a new engine: the severities of the messages that contain the secret.
messages() {
  rm -f port
  python/bin/python engine.py port >"$1" &
  local engine=$!
  while [ ! -s port ]; do sleep 0.1; done
  "${@:2}" "$(cat port)" >/dev/null
  kill "$engine"
  wait "$engine" || true
}

messages node.txt node program.js
messages python.txt python/bin/python program.py
debug=$(grep -c '^DEBUG$' node.txt || true)
echo "@pulumi/pulumi 3.220.0: $debug messages of severity DEBUG with the secret, $(grep -vc '^DEBUG$' node.txt || true) of others"
echo "pulumi 3.272.0 (Python): $(wc -l <python.txt) messages with the secret"
[ "$debug" -ge 1 ] && [ ! -s python.txt ]
