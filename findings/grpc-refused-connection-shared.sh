#!/usr/bin/env bash
# Software:  grpcio 1.85.1, pulumi 3.272.0 (PyPI), Python 3.11 or newer.
# Date:      2026-11-30
#
# Expected:  A program that connects to an engine (a new channel of gRPC) reaches it: whether an earlier program of the same
#            process lost its own engine does not matter, as with any TCP client.
# Observed:  All channels of a process with equal options share one connection for each address. If the engine of the earlier program
#            listened on the same port and has gone, the first call of the new program fails at once with the old "Connection
#            refused", and no connection is tried for about a second (longer after each further failure). With the channel
#            option grpc.use_local_subchannel_pool the call succeeds.
#
# Output (the seconds vary):
#   engine has gone, earlier program: UNAVAILABLE
#   another engine on its port, new program: UNAVAILABLE
#   the same with a pool of its own: reached
#   the new program reaches its engine after 0.9 s
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check pulumi==3.272.0 grpcio==1.85.1
"$folder/bin/python" - <<'PYTHON'
import contextvars
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import _grpc_settings
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.settings import Settings


class Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request, context):
        return Empty()


def start(port):
    server = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def program(port):
    return contextvars.copy_context().run(lambda: Settings("example", "dev", engine=f"127.0.0.1:{port}").engine)


def call(engine):
    try:
        engine.Log(engine_pb2.LogRequest(message="a message"))
    except grpc.RpcError as error:
        return error.code().name
    return "reached"


server, port = start(0)
earlier = program(port)
assert call(earlier) == "reached"
server.stop(0).wait()
seen = [call(earlier)]
print(f"engine has gone, earlier program: {seen[-1]}")
server, _ = start(port)
new = program(port)
begun = time.monotonic()
seen.append(call(new))
print(f"another engine on its port, new program: {seen[-1]}")
_grpc_settings._GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))
seen.append(call(program(port)))
print(f"the same with a pool of its own: {seen[-1]}")
while call(new) != "reached" and time.monotonic() < begun + 30:
    time.sleep(0.05)
print(f"the new program reaches its engine after {time.monotonic() - begun:.1f} s")
server.stop(0).wait()
sys.exit(seen != ["UNAVAILABLE", "UNAVAILABLE", "reached"])
PYTHON
