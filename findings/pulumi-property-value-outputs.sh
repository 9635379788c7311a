#!/usr/bin/env bash
# Software:  pulumi 3.272.0 (PyPI), Python 3.11 or newer.
# Date:      2026-11-30
#
# Expected:  A provider that is written with `pulumi.provider.experimental` reads every input that a program written with the same
#            release of the SDK sends: `PropertyValue.unmarshal` decodes what the SDK encodes.
# Observed:  It raises UnboundLocalError for an output without dependencies, such as `Output.secret("a")`, and for one that is not
#            secret: the encoded output has neither an empty list nor a false mark. A provider cannot read a secret argument of
#            a component.
#
# Output:
#   Output.secret("a"): UnboundLocalError
#   Output.from_input("a"): UnboundLocalError
#   a plain "a": 'a'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check pulumi==3.272.0
"$folder/bin/python" - <<'PYTHON'
import asyncio
import sys

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc, settings


async def decoded(value):
    encoded = await rpc.serialize_property(value, [], "argument", keep_output_values=True)
    message = Struct()
    message.update({"argument": encoded})
    try:
        return repr(PropertyValue.unmarshal_map(message)["argument"].value)
    except Exception as error:
        return type(error).__name__


async def main():
    settings.configure(settings.Settings("example", "dev"))
    settings.monitor_supports_feature = lambda feature: True  # of a current engine
    values = {
        'Output.secret("a")': pulumi.Output.secret("a"),
        'Output.from_input("a")': pulumi.Output.from_input("a"),
        'a plain "a"': "a",
    }
    outcomes = {name: await decoded(value) for name, value in values.items()}
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome}")
    return list(outcomes.values()) != ["UnboundLocalError", "UnboundLocalError", "'a'"]


sys.exit(asyncio.run(main()))
PYTHON
