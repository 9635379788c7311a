"""Which existing objects a stack can adopt, and the obstacles: decisions, without effects."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from kubernetes import utils

from components.blocks.connection_keys import CACHE_URL, CLIENT_URL
from components.blocks.labels import PART_OF
from components.open_webui import names as open_webui
from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES, STASH
from components.postgresql import names as postgresql
from components.postgresql.pooler.names import POOLER
from components.redis import names as redis
from policy.rules.selectors import selects_exactly
from pulumi_values.urns import name_of

Object = Mapping[str, Any]
_MOVE = "move the data: docs/operations/adopt.md"


def _whole(value: str, _rotation: int) -> str:
    return value


def _of_any_user(url: str, _rotation: int) -> str:
    return unquote(urlsplit(url).password or "")


def _of_redis_client(url: str, _rotation: int) -> str:
    return _of_any_user(url, _rotation) if urlsplit(url).username == redis.CLIENT_USER else ""


def _of_database_client(url: str, rotation: int) -> str:
    # An earlier version of the stack served as the owner. After another number of rotations it is the other role.
    return _of_any_user(url, rotation) if urlsplit(url).username == postgresql.client_user(rotation) else ""


# Secret, key, the generated password that the value holds, and how to read that of a rotation; empty: another password.
_PASSWORDS = (
    (postgresql.SECRET, postgresql.DATABASE_URL, postgresql.GENERATED_PASSWORD, _of_any_user),
    (postgresql.SECRET, CLIENT_URL, postgresql.GENERATED_CLIENT_PASSWORD, _of_database_client),
    (postgresql.SECRET, postgresql.BACKUP_PASSWORD, postgresql.GENERATED_BACKUP_PASSWORD, _whole),
    (redis.CONNECTION_SECRET, CACHE_URL, redis.GENERATED_PASSWORD, _of_redis_client),
    (open_webui.SECRET, open_webui.SECRET_KEY, open_webui.GENERATED_SIGNING_KEY, _whole),
)
# The keys that encrypt the data of a deployment: a separate one where a stack set it, else the signing key.
_ENCRYPTION_KEYS = (ENCRYPTION_VARIABLES["OAUTH_SESSION_TOKEN_ENCRYPTION_KEY"], open_webui.SECRET_KEY)
_SECRET_TITLE = f"Secret/{open_webui.SECRET}"


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
        return name_of(self.urn)

    @property
    def is_object(self) -> bool:
        """Whether it is an object of the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def identifier(self) -> str:
        """The identifier for the provider: ``namespace/name``, or ``name`` outside namespaces."""
        metadata = self.inputs["metadata"]
        return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)

    @property
    def title(self) -> str:
        """``Deployment/redis``."""
        return f"{self.inputs['kind']}/{self.inputs['metadata']['name']}"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason why the objects cannot be adopted yet."""

    subject: str
    why: str
    remedy: str


def is_component(resource: Resource) -> bool:
    """Whether it only groups other resources. The stack is one of them."""
    return not resource.is_object and not resource.type.startswith(("random:", "pulumi:index:", "pulumi:providers:"))


def is_fact(resource: Resource) -> bool:
    """Whether it records facts about stored data: the first update writes them, after its own checks."""
    return resource.type == "pulumi:index:Stash" and resource.name != STASH


def title(item: Object) -> str:
    """``Deployment/redis``."""
    return f"{item['kind']}/{item['metadata']['name']}"


def obstacles(
    resources: Sequence[Resource], existing: Mapping[str, Object], workloads: Iterable[Object]
) -> list[Obstacle]:
    """All obstacles to the adoption.

    Args:
        resources: of the program.
        existing: objects of the cluster by the URN of the resource that has their kind and name.
        workloads: Deployments, StatefulSets and DaemonSets of the namespace.
    """
    by_urn = {resource.urn: resource for resource in resources}
    return [
        *(obstacle for live in existing.values() for obstacle in _leaving(live)),
        *(obstacle for urn, live in existing.items() for obstacle in _immutable(by_urn[urn], live)),
        *(obstacle for urn, live in existing.items() for obstacle in _version(by_urn[urn], live)),
        *_elsewhere(list(existing.values())),
        *_rivals([each for each in resources if each.is_object], workloads),
    ]


def _leaving(live: Object) -> Iterable[Obstacle]:
    """An object that is being deleted would stay in the state alone."""
    if live["metadata"].get("deletionTimestamp"):
        yield Obstacle(
            subject=title(live),
            why="it is being deleted",
            remedy=f"wait until it is gone (kubectl wait --for=delete {title(live)}), then retry",
        )


def _immutable(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """Immutable fields that differ: the object would be deleted and created again."""
    kind, desired, current = resource.inputs["kind"], resource.inputs.get("spec") or {}, live.get("spec") or {}
    if kind in ("Deployment", "StatefulSet") and desired["selector"] != current["selector"]:
        yield Obstacle(
            subject=resource.title,
            why=f"its selector is {current['selector']}, the stack's is {desired['selector']}: it would be replaced",
            remedy=f"kubectl delete {resource.title} (its pods end), then retry",
        )
    if kind == "StatefulSet" and current.get("volumeClaimTemplates") and not desired.get("volumeClaimTemplates"):
        names = ", ".join(template["metadata"]["name"] for template in current["volumeClaimTemplates"])
        yield Obstacle(
            subject=resource.title,
            why=f"its data is in PVCs from volumeClaimTemplates ({names}); the stack's own PVC is another, empty one",
            remedy=_MOVE,
        )
    if kind == "PersistentVolumeClaim":
        yield from _foreign_data(resource, live)
        yield from _smaller(resource, desired, current)


def _foreign_data(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """A PVC of another installation: the roles and the layout of its data may differ from those of the stack."""
    labels = (live["metadata"].get("labels") or {}, resource.inputs["metadata"].get("labels") or {})
    if len({each.get(PART_OF) for each in labels}) > 1:
        yield Obstacle(
            subject=resource.title,
            why="this stack did not create it: its data may have other roles and another layout",
            remedy=f"{_MOVE}; or, if this stack created it: kubectl label -n "
            f"{resource.inputs['metadata']['namespace']} {resource.title} {PART_OF}={labels[1][PART_OF]}",
        )


def _smaller(resource: Resource, desired: Object, current: Object) -> Iterable[Obstacle]:
    size = current["resources"]["requests"]["storage"]
    if utils.parse_quantity(desired["resources"]["requests"]["storage"]) < utils.parse_quantity(size):
        yield Obstacle(
            subject=resource.title,
            why=f"it has {size}, and a PVC cannot shrink",
            remedy=f"set the size in the config to {size}, for the database: postgresql.storage.size={size}",
        )


def _version(resource: Resource, live: Object) -> Iterable[Obstacle]:
    """Two versions would run side by side on one database."""
    if resource.title != f"Deployment/{open_webui.APP}":
        return
    [desired, current] = [_image_version(item) for item in (resource.inputs, live)]
    if desired != current:
        running = f"version {current}" if current else "a version that its image does not name"
        yield Obstacle(
            subject=resource.title,
            why=f"it runs {running}, the config sets version {desired}",
            remedy=f"openWebui.version={current or '<the version that runs>'} first; upgrade in a separate update",
        )


def _image_version(deployment: Object) -> str:
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    version = re.search(r":v?(\d+\.\d+\.\d+)", image)
    return version[1] if version else ""


def _elsewhere(existing: Sequence[Object]) -> Iterable[Obstacle]:
    """Data that is outside the stack's database."""
    urls = [_text(item, postgresql.DATABASE_URL) for item in existing if title(item) == f"Secret/{postgresql.SECRET}"]
    host = urlsplit(urls[0]).hostname if urls else None
    if any(title(item) == f"Deployment/{open_webui.APP}" for item in existing) and not host:
        yield Obstacle(
            subject=f"Deployment/{open_webui.APP}",
            why=f"there is no database URL in a Secret {postgresql.SECRET}: its users and chats are elsewhere, for "
            "example in a file in the pod, and the stack's database is empty",
            remedy=_MOVE,
        )
    if host and host.partition(".")[0] not in (postgresql.SERVICE, POOLER):
        yield Obstacle(
            subject=f"Secret/{postgresql.SECRET}",
            why=f"the application's database is at {host}; the stack's own database is another one, and empty",
            remedy=_MOVE,
        )


def _rivals(resources: Sequence[Resource], workloads: Iterable[Object]) -> Iterable[Obstacle]:
    """Workloads of other kinds or names whose pods the stack's Services would select as well."""
    own = {each.title for each in resources}
    selectors = [each.inputs["spec"].get("selector") for each in resources if each.inputs["kind"] == "Service"]
    for workload in workloads:
        labels = workload["spec"]["template"]["metadata"].get("labels") or {}
        if title(workload) not in own and any(selector and selects_exactly(selector, labels) for selector in selectors):
            is_database = labels.get("app") == postgresql.APP
            data = f"; its data is in {_where(workload)}, and the stack's database is new" if is_database else ""
            yield Obstacle(
                subject=title(workload),
                why=f"the stack's Services would select its pods as well as the stack's own{data}",
                remedy=_MOVE if is_database else f"kubectl delete {title(workload)}, then retry",
            )


def _where(workload: Object) -> str:
    places = []
    for volume in workload["spec"]["template"]["spec"].get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            places.append(f"the PVC {claim}")
        elif "emptyDir" in volume:
            places.append("the pod itself, and is deleted with it")
    return " and ".join(dict.fromkeys(places)) or "an unknown volume"


def passwords(resources: Sequence[Resource], existing: Mapping[str, Object]) -> dict[str, str]:
    """Passwords in use, by the URN of the generated password that they replace.

    Only those in Secrets that are not adopted yet: the stack may have rotated the others since. A password with
    characters that a URL must escape is not adopted: the stack generates a new one (`left_out`).
    """
    return {urn: value for urn, value in _in_use(resources, existing).items() if _fits_a_url(value)}


def encryption_key(resources: Sequence[Resource], existing: Mapping[str, Object]) -> dict[str, str]:
    """The key that encrypts the application's data, by the URN of the resource that keeps it; empty when unknown."""
    texts = [_text(item, key) for key in _ENCRYPTION_KEYS for item in existing.values() if title(item) == _SECRET_TITLE]
    return {each.urn: text for each in resources if each.name == STASH for text in [text for text in texts if text][:1]}


def left_out(resources: Sequence[Resource], existing: Mapping[str, Object]) -> list[str]:
    """Logical names of the generated passwords that replace one in use: the next update is a rotation."""
    return [name_of(urn) for urn, value in _in_use(resources, existing).items() if not _fits_a_url(value)]


def _fits_a_url(value: str) -> bool:
    return all(character.isascii() and (character.isalnum() or character in "-._~") for character in value)


def _in_use(resources: Sequence[Resource], existing: Mapping[str, Object]) -> dict[str, str]:
    secrets = {item["metadata"]["name"]: item for item in existing.values() if item["kind"] == "Secret"}
    values = {}
    for secret, key, name, read in _PASSWORDS:
        generated = [each for each in resources if each.name.rpartition("-")[0] == name and "Password" in each.type]
        if not generated:
            continue
        current = max(generated, key=_rotation)
        if value := read(_text(secrets.get(secret, {}), key), _rotation(current)):
            values[current.urn] = value
    return values


def _rotation(password: Resource) -> int:
    return int(password.name.rpartition("-")[2])


def _text(secret: Object, key: str) -> str:
    return str((secret.get("stringData") or {}).get(key, ""))


def own_fields(live: Any, desired: Any) -> Any:
    """The fields of an object that the stack sets, with their current values.

    A preview then shows the changes of these fields, and does not show the cluster's defaults as removed.
    """
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        return {key: own_fields(value, desired[key]) for key, value in live.items() if key in desired}
    if isinstance(live, list) and isinstance(desired, list) and len(live) == len(desired):
        return [own_fields(*pair) for pair in zip(live, desired, strict=True)]
    return live


def becomes_recreate(resource: Resource, live: Object) -> bool:
    """Whether the strategy of a Deployment changes to Recreate."""
    if resource.inputs["kind"] != "Deployment":
        return False
    desired, current = resource.inputs["spec"].get("strategy") or {}, live["spec"].get("strategy") or {}
    return bool(desired.get("type") == "Recreate" != current.get("type"))
