"""Emulator of the official `random` provider: values drawn once with `secrets` and kept in the state.

It serves what this project's programs have: `RandomPassword`, without `bcryptHash`, since neither the standard library
nor a dependency of this project computes bcrypt, and `RandomBytes`.
"""

import base64
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from pulumi_values.urns import type_of

from .plugin import Provider, ProviderError
from .property_values import UNKNOWN, Properties, Secret, decode, encode, has_unknown, reveal

CHARACTERS = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "numeric": string.digits,
    "special": "!@#$%&*()-_=+[]{}<>:?",
}
STRING_DEFAULTS: Properties = {
    **dict.fromkeys(CHARACTERS, True),
    **{f"min{name.capitalize()}": 0 for name in CHARACTERS},
}


@dataclass(frozen=True)
class Kind:
    """One resource type: its inputs, how a value is drawn, how an imported identifier is read back."""

    draw: Callable[[Properties], Properties]
    """Inputs with defaults to outputs, `id` among them."""
    restore: Callable[[str], Properties]
    """Identifier given to `pulumi import` to inputs and outputs, `id` among them."""
    defaults: Properties
    options: frozenset[str]
    """Inputs beside `length`, which is required, and those that have a default."""
    secret: frozenset[str]
    """Outputs, all of them secret."""

    @property
    def inputs(self) -> frozenset[str]:
        return self.options | self.defaults.keys() | {"length", "keepers"}


def with_defaults(kind: Kind, inputs: Properties) -> Properties:
    """Inputs as the value depends on them: defaults filled in, the deprecated `number` folded into `numeric`."""
    set_inputs = {key: value for key, value in reveal(inputs).items() if value is not None}
    if "number" in set_inputs:
        set_inputs.setdefault("numeric", set_inputs.pop("number"))
    return {**kind.defaults, **set_inputs}


def draw_string(inputs: Properties) -> str:
    """A string that has the minimum of every class and only characters of the allowed classes."""
    classes = {**CHARACTERS, "special": inputs.get("overrideSpecial") or CHARACTERS["special"]}
    drawn = [
        secrets.choice(characters)
        for name, characters in classes.items()
        for _ in range(inputs[f"min{name.capitalize()}"])
    ]
    allowed = "".join(characters for name, characters in classes.items() if inputs[name])
    drawn += [secrets.choice(allowed) for _ in range(inputs["length"] - len(drawn))]
    SystemRandom().shuffle(drawn)
    return "".join(drawn)


def string_problem(inputs: Properties) -> str | None:
    minimum = sum(inputs[f"min{name.capitalize()}"] for name in CHARACTERS)
    if inputs["length"] < max(1, minimum):
        return f"length {inputs['length']} is too short: at least {max(1, minimum)} characters are asked for"
    if not any(inputs[name] for name in CHARACTERS) and minimum < inputs["length"]:
        return "no class of characters is allowed: set one of lower, upper, numeric, special"
    return None


def _password(inputs: Properties) -> Properties:
    return {"id": "none", "result": draw_string(inputs), "number": inputs["numeric"]}


def _bytes(value: bytes) -> Properties:
    # The official provider puts the value itself into the identifier, which no state encrypts.
    encoded = base64.b64encode(value).decode()
    return {"id": encoded, "base64": encoded, "hex": value.hex()}


def _restored_bytes(encoded: str) -> Properties:
    value = base64.b64decode(encoded, validate=True)
    return {"length": len(value), **_bytes(value)}


KINDS = {
    "random:index/randomPassword:RandomPassword": Kind(
        options=frozenset({"number", "overrideSpecial"}),
        defaults=STRING_DEFAULTS,
        draw=_password,
        restore=lambda password: {"length": len(password), "id": "none", "result": password},
        secret=frozenset({"result"}),
    ),
    "random:index/randomBytes:RandomBytes": Kind(
        options=frozenset(),
        defaults={},
        draw=lambda inputs: _bytes(secrets.token_bytes(inputs["length"])),
        restore=_restored_bytes,
        secret=frozenset({"base64", "hex"}),
    ),
}


class RandomProvider(Provider):
    """Every change of an input, `keepers` among them, is a new value: create first, delete afterwards."""

    name = "random"

    def _kind(self, urn: str) -> Kind:
        token = type_of(urn)
        if token not in KINDS:
            raise self.refusal("resource", token)
        return KINDS[token]

    def check(self, request: provider_pb2.CheckRequest) -> Any:
        kind = self._kind(request.urn)
        inputs = decode(request.news)
        failures = (
            [] if "length" in inputs else [provider_pb2.CheckFailure(property="length", reason="length is missing")]
        )
        failures += [
            provider_pb2.CheckFailure(property=key, reason=str(self.refusal("property", key)))
            for key in inputs.keys() - kind.inputs
            if inputs[key] is not None
        ]
        effective = with_defaults(kind, inputs)
        if not failures and not has_unknown(effective):
            problem = string_problem(effective) if kind.defaults is STRING_DEFAULTS else None
            failures += [provider_pb2.CheckFailure(reason=problem)] if problem else []
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def diff(self, request: provider_pb2.DiffRequest) -> Any:
        kind = self._kind(request.urn)
        olds = with_defaults(kind, decode(request.old_inputs))
        news = with_defaults(kind, decode(request.news))
        changed = sorted(key for key in olds.keys() | news.keys() if olds.get(key) != news.get(key))
        changed = [key for key in changed if key not in request.ignoreChanges]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=changed,
            diffs=changed,
        )

    def create(self, request: provider_pb2.CreateRequest) -> Any:
        kind = self._kind(request.urn)
        inputs = decode(request.properties)
        effective = with_defaults(kind, inputs)
        if request.preview or has_unknown(effective):
            outputs: Properties = {"id": "", **dict.fromkeys(kind.secret, UNKNOWN)}
        else:
            outputs = kind.draw(effective)
        identifier = outputs.pop("id")
        return provider_pb2.CreateResponse(id=identifier, properties=encode(self._state(kind, effective, outputs)))

    def read(self, request: provider_pb2.ReadRequest) -> Any:
        kind = self._kind(request.urn)
        if request.properties.fields:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        try:
            restored = kind.restore(request.id)
        except ValueError as error:
            raise ProviderError("the identifier to import does not have the form that this type needs") from error
        identifier = restored.pop("id")
        outputs = {key: value for key, value in restored.items() if key in kind.secret}
        inputs = {key: value for key, value in restored.items() if key not in kind.secret}
        state = self._state(kind, with_defaults(kind, inputs), outputs)
        return provider_pb2.ReadResponse(id=identifier, properties=encode(state), inputs=encode(inputs))

    def delete(self, _: provider_pb2.DeleteRequest) -> Empty:
        return Empty()

    @staticmethod
    def _state(kind: Kind, effective: Properties, outputs: Properties) -> Properties:
        return {
            **effective,
            **{key: Secret(value) if key in kind.secret else value for key, value in outputs.items()},
        }
