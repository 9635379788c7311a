"""What of a cluster a stack can take over, and what stands against it: decisions, without effects."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from kubernetes import utils

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES, STASH

Object = Mapping[str, Any]
_DATABASE = "postgres"
_DATABASE_SECRET = "postgresql-secret"
_WEB = "open-webui"
_WEB_SECRET = "openwebui-secret"
_MOVE = "move the data: docs/operations/adopt.md"
# Where the stack keeps them: Secret and key, the generated password they hold, and whether they are the URL around it.
_PASSWORDS = (
    (_DATABASE_SECRET, "database-url", "postgresql-password", True),
    ("redis-config", "cache-url", "redis-password", True),
    (_WEB_SECRET, "secret-key", "openwebui-secret-key", False),
)
# What the data of the deployment is encrypted with: the key of its own that a stack gives it, else the signing key.
_ENCRYPTION_KEYS = (ENCRYPTION_VARIABLES["OAUTH_SESSION_TOKEN_ENCRYPTION_KEY"], "secret-key")
_SECRET_TITLE = f"Secret/{_WEB_SECRET}"
_PART_OF = "app.kubernetes.io/part-of"
_REDIS_USER = "openwebui"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the program, as a preview shows it."""

    urn: str
    type: str
    parent: str
    provider: str
    """URN of its provider; empty for one that has none."""

    inputs: Mapping[str, Any]
    is_new: bool
    """Whether the state does not have it yet."""

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def is_object(self) -> bool:
        """Whether it is an object of the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def identifier(self) -> str:
        """What the provider imports it by: ``namespace/name``, or ``name`` outside namespaces."""
        metadata = self.inputs["metadata"]
        return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)

    @property
    def title(self) -> str:
        """``Deployment/redis``."""
        return f"{self.inputs['kind']}/{self.inputs['metadata']['name']}"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why nothing can be taken over yet."""

    subject: str
    why: str
    remedy: str


def is_component(resource: Resource) -> bool:
    """Whether it groups others, and is nothing by itself. The stack is one of them."""
    return not resource.is_object and not resource.type.startswith(("random:", "pulumi:index:", "pulumi:providers:"))


def is_fact(resource: Resource) -> bool:
    """Whether it remembers what stored data was made with: the first update records that, after its own checks."""
    return resource.type == "pulumi:index:Stash" and resource.name != STASH


def title(item: Object) -> str:
    """``Deployment/redis``."""
    return f"{item['kind']}/{item['metadata']['name']}"


def obstacles(
    resources: Sequence[Resource], found: Mapping[str, Object], workloads: Iterable[Object]
) -> list[Obstacle]:
    """All that stands against taking over what was found.

    Args:
        resources: of the program.
        found: objects of the cluster by the URN of the resource that has their kind and name.
        workloads: Deployments, StatefulSets and DaemonSets of the namespace.
    """
    by_urn = {resource.urn: resource for resource in resources}
    return [
        *(obstacle for live in found.values() for obstacle in _leaving(live)),
        *(obstacle for urn, live in found.items() for obstacle in _immutable(by_urn[urn], live)),
        *(obstacle for urn, live in found.items() for obstacle in _version(by_urn[urn], live)),
        *_elsewhere(list(found.values())),
        *_rivals([each for each in resources if each.is_object], workloads),
    ]


def _leaving(live: Object) -> Iterable[Obstacle]:
    """What is on its way out would be in the state and not in the cluster."""
    if live["metadata"].get("deletionTimestamp"):
        yield Obstacle(
            subject=title(live),
            why="it is being deleted",
            remedy=f"wait until it is gone (kubectl wait --for=delete {title(live)}), then again",
        )


def _immutable(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """Fields that cannot be changed: the object would be deleted and made anew."""
    kind, wanted, given = resource.inputs["kind"], resource.inputs.get("spec") or {}, live.get("spec") or {}
    if kind in ("Deployment", "StatefulSet") and wanted["selector"] != given["selector"]:
        yield Obstacle(
            subject=resource.title,
            why=f"its selector is {given['selector']}, the stack's is {wanted['selector']}: it would be made anew",
            remedy=f"kubectl delete {resource.title} (its pods end), then again",
        )
    if kind == "StatefulSet" and given.get("volumeClaimTemplates") and not wanted.get("volumeClaimTemplates"):
        names = ", ".join(template["metadata"]["name"] for template in given["volumeClaimTemplates"])
        yield Obstacle(
            subject=resource.title,
            why=f"its data is in claims made from templates ({names}); the stack's is in a claim of its own, and empty",
            remedy=_MOVE,
        )
    if kind == "PersistentVolumeClaim":
        yield from _foreign_data(resource, live)
        yield from _smaller(resource, wanted, given)


def _foreign_data(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """A database directory is read with the roles and the layout it was made with, which are the stack's or are not."""
    labels = (live["metadata"].get("labels") or {}, resource.inputs["metadata"].get("labels") or {})
    if len({each.get(_PART_OF) for each in labels}) > 1:
        yield Obstacle(
            subject=resource.title,
            why="it was not made by this stack: its data may have other roles and another layout",
            remedy=f"{_MOVE}; or, when it is this stack's: kubectl label -n {resource.inputs['metadata']['namespace']} "
            f"{resource.title} {_PART_OF}={labels[1][_PART_OF]}",
        )


def _smaller(resource: Resource, wanted: Object, given: Object) -> Iterable[Obstacle]:
    size = given["resources"]["requests"]["storage"]
    if utils.parse_quantity(wanted["resources"]["requests"]["storage"]) < utils.parse_quantity(size):
        yield Obstacle(
            subject=resource.title,
            why=f"it has {size}, and a claim never shrinks",
            remedy=f"set the size in the config to {size}, for the database: postgresql.storage.size={size}",
        )


def _version(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """Another version would be rolled out beside the one that runs, on one database."""
    if resource.title != f"Deployment/{_WEB}":
        return
    [wanted, now] = [_image_version(item) for item in (resource.inputs, live)]
    if wanted != now:
        yield Obstacle(
            subject=resource.title,
            why=f"it runs version {now or 'that its image does not name'}, the config says {wanted}",
            remedy=f"openWebui.version={now or '<the version that runs>'} first; the upgrade is a change of its own",
        )


def _image_version(deployment: Object) -> str:
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    found = re.search(r":v?(\d+\.\d+\.\d+)", image)
    return found[1] if found else ""


def _elsewhere(found: Sequence[Object]) -> Iterable[Obstacle]:
    """Data that is not in the stack's own database."""
    urls = [_text(item, "database-url") for item in found if title(item) == f"Secret/{_DATABASE_SECRET}"]
    host = urlsplit(urls[0]).hostname if urls else None
    if any(title(item) == f"Deployment/{_WEB}" for item in found) and not host:
        yield Obstacle(
            subject=f"Deployment/{_WEB}",
            why=f"there is no database URL in a Secret {_DATABASE_SECRET}: its users and chats are elsewhere, such as "
            "in the pod's own file, and the stack's database is empty",
            remedy=_MOVE,
        )
    if host and host.partition(".")[0] != _DATABASE:
        yield Obstacle(
            subject=f"Secret/{_DATABASE_SECRET}",
            why=f"the application's database is at {host}; the stack has one of its own, which is empty",
            remedy=_MOVE,
        )


def _rivals(resources: Sequence[Resource], workloads: Iterable[Object]) -> Iterable[Obstacle]:
    """Workloads under other kinds or names whose pods the stack's Services would lead to as well."""
    own = {each.title for each in resources}
    selectors = [each.inputs["spec"].get("selector") for each in resources if each.inputs["kind"] == "Service"]
    for workload in workloads:
        labels = workload["spec"]["template"]["metadata"].get("labels") or {}
        if title(workload) not in own and any(s and s.items() <= labels.items() for s in selectors):
            is_database = labels.get("app") == _DATABASE
            data = f"; its data is in {_where(workload)}, the stack's database is a new one" if is_database else ""
            yield Obstacle(
                subject=title(workload),
                why=f"the stack's Services would lead to its pods beside the stack's own{data}",
                remedy=_MOVE if is_database else f"kubectl delete {title(workload)}, then again",
            )


def _where(workload: Object) -> str:
    places = []
    for volume in workload["spec"]["template"]["spec"].get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            places.append(f"the claim {claim}")
        elif "emptyDir" in volume:
            places.append("the pod itself, and goes with it")
    return " and ".join(dict.fromkeys(places)) or "no volume that is known here"


def passwords(resources: Sequence[Resource], found: Mapping[str, Object]) -> dict[str, str]:
    """Passwords that the application has already, by the URN of the generated one that they stand for.

    Only those of Secrets that are still to be taken over: afterwards the stack may have rotated them. One with
    characters that a URL would have to escape is left out; the stack then generates its own (`left_out`).
    """
    return {urn: value for urn, value in _in_use(resources, found).items() if _fits_a_url(value)}


def encryption_key(resources: Sequence[Resource], found: Mapping[str, Object]) -> dict[str, str]:
    """What the application's data is encrypted with, by the URN of the resource that keeps it; empty when unknown."""
    texts = [_text(item, key) for key in _ENCRYPTION_KEYS for item in found.values() if title(item) == _SECRET_TITLE]
    return {each.urn: text for each in resources if each.name == STASH for text in [text for text in texts if text][:1]}


def left_out(resources: Sequence[Resource], found: Mapping[str, Object]) -> list[str]:
    """Logical names of the generated passwords that take the place of one in use: the next update is a rotation."""
    return [urn.rpartition("::")[2] for urn, value in _in_use(resources, found).items() if not _fits_a_url(value)]


def _fits_a_url(value: str) -> bool:
    return all(character.isascii() and (character.isalnum() or character in "-._~") for character in value)


def _in_use(resources: Sequence[Resource], found: Mapping[str, Object]) -> dict[str, str]:
    secrets = {item["metadata"]["name"]: item for item in found.values() if item["kind"] == "Secret"}
    values = {}
    for secret, key, name, is_url in _PASSWORDS:
        text = _text(secrets.get(secret, {}), key)
        value = _password(text) if is_url else text
        current = [each for each in resources if each.name.rpartition("-")[0] == name and "Password" in each.type]
        if value and current:
            values[max(current, key=lambda each: int(each.name.rpartition("-")[2])).urn] = value
    return values


def _password(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme.startswith("redis") and parts.username != _REDIS_USER:
        return ""
    return unquote(parts.password or "")


def _text(secret: Object, key: str) -> str:
    return str((secret.get("stringData") or {}).get(key, ""))


def own_fields(live: Any, wanted: Any) -> Any:
    """Of an object, the fields that the stack gives a value to, with the values they have now.

    A preview then shows what would change for those, and not what the cluster has filled in as removed.
    """
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {key: own_fields(value, wanted[key]) for key, value in live.items() if key in wanted}
    if isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        return [own_fields(*pair) for pair in zip(live, wanted, strict=True)]
    return live


def becomes_recreate(resource: Resource, live: Object) -> bool:
    """Whether a Deployment that rolls is to end its pods first."""
    if resource.inputs["kind"] != "Deployment":
        return False
    wanted, now = resource.inputs["spec"].get("strategy") or {}, live["spec"].get("strategy") or {}
    return bool(wanted.get("type") == "Recreate" != now.get("type"))
