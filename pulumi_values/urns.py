"""URNs: ``urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME``.

Source: sdk/go/common/resource/urn of pulumi 3.259. The name is all that follows the third ``::``.
"""

import re

_PREFIX = "urn:pulumi:"
_PARTS = 4
_IN_TEXT = re.compile(r"urn:pulumi:[^\s\"'`]+")


def stack_of(urn: str) -> str:
    """Name of the stack."""
    return urn.removeprefix(_PREFIX).partition("::")[0]


def type_of(urn: str) -> str:
    """The type token, such as ``kubernetes:core/v1:Secret``, without those of its parents."""
    parts = _parts(urn)
    return parts[2].rpartition("$")[2] if len(parts) == _PARTS else urn


def kind_of(urn: str) -> str:
    """The last part of the type token: ``Secret``."""
    return type_of(urn).rpartition(":")[2]


def name_of(urn: str) -> str:
    """The logical name: the one that the program gives the resource."""
    return _parts(urn)[-1]


def urn_of_reference(reference: str) -> str:
    """The URN in a reference to a provider, ``URN::ID``; empty for an empty one."""
    return reference.rpartition("::")[0]


def resource_name(urn: str) -> str:
    """Kind and logical name, for people: ``Deployment redis``."""
    return f"{kind_of(urn)} {name_of(urn)}"


def without_urns(text: str) -> str:
    """A message with ``Deployment/redis`` in place of each URN."""
    return _IN_TEXT.sub(lambda urn: f"{kind_of(urn[0])}/{name_of(urn[0])}", text)


def _parts(urn: str) -> list[str]:
    return urn.split("::", _PARTS - 1)
