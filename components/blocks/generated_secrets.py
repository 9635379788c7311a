"""Passwords the stack generates, and the fingerprints that roll pods when a secret changes."""

import hashlib
import json
from collections.abc import Mapping

import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

PASSWORD_LENGTH = 32


def generated_password(name: str, rotation: int, opts: ResourceOptions) -> Output[str]:
    """The password of the highest rotation: 32 letters and digits, 190 bits.

    Every rotation is a new resource, and the earlier ones stay in the state: a protected resource cannot be replaced
    (docs/decisions/0004-rotation.md). Do not use RandomBytes, not even for keys: its identifier is the value itself,
    and the state does not encrypt identifiers.

    Args:
        name: logical name; the resources are ``<name>-1``, ``<name>-2``, ...
        rotation: number of passwords, the last one is current.
        opts: options of every one of them.
    """
    return generated_passwords(name, rotation, opts)[-1]


def generated_passwords(name: str, rotation: int, opts: ResourceOptions) -> list[Output[str]]:
    """All passwords so far, the current one last (see `generated_password`)."""
    return [
        random.RandomPassword(f"{name}-{number}", length=PASSWORD_LENGTH, special=False, opts=opts).result
        for number in range(1, rotation + 1)
    ]


def checksum(*contents: Mapping[str, Input[str]]) -> Output[str]:
    """SHA-256 over the contents of Secrets and ConfigMaps, for an annotation of the pods that read them.

    The fingerprint is not secret: each Secret of the stack contains a generated value of at least 190 bits, so the
    fingerprint reveals nothing about the other values.
    """

    def fingerprint(values: list[Mapping[str, str]]) -> str:
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    return Output.unsecret(Output.all(*contents).apply(fingerprint))
