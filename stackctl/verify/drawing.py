"""The stack that was checked as a diagram: its applications, and the servers outside of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.backup.names import APP as BACKUP
from components.open_webui import names as open_webui
from components.postgresql import names as postgresql
from components.postgresql.pooler.names import POOLER
from components.redis import names as redis

from ..deployed.applications import Application
from ..deployed.topology import Topology

Box = dict[str, Any]

_TOPOLOGIES = {
    "standalone": "one server",
    "sentinel": "with Sentinels",
    "cluster": "Redis Cluster",
    "cloudnative-pg": "CloudNativePG",
}
_CLIENTS_ROW, _WEB_ROW, _SERVERS_ROW = 0, 1.2, 2.6
_SERVER_ROWS = 1.4
"""From one row of servers to the next: the server behind PgBouncer is in the second one."""

_LONGEST = 18
"""Characters of a title that fit into a box."""


def diagram(
    applications: Sequence[Application], topology: Topology, *, namespace: str, backups: bool
) -> dict[str, Any]:
    """The diagram, for `stackctl.diagram.draw`.

    Args:
        applications: of the stack.
        topology: which servers it uses.
        namespace: of the stack.
        backups: whether backups are scheduled.
    """
    inside = {each.app: each for each in applications}
    two_rows = topology.pooler and topology.postgresql != "external"
    outside_row = _SERVERS_ROW + (2 if two_rows else 1) * _SERVER_ROWS + 0.4
    boxes: dict[str, Box] = {"clients": {"at": [1, _CLIENTS_ROW], "title": "Clients"}}
    boxes |= _inside(inside, topology, two_rows=two_rows, backups=backups)
    boxes |= _outside(topology, outside_row)
    columns = 1 + max(int(box["at"][0]) for box in boxes.values())
    rows = outside_row - 1.2
    return {
        "title": f"Open WebUI in {namespace}",
        "description": _description(applications, topology, namespace),
        "frames": [{"at": [0, 1], "size": [columns, rows], "title": f"Namespace {namespace}"}],
        "boxes": boxes,
        "arrows": list(_arrows(boxes, topology)),
    }


def _inside(
    applications: Mapping[str, Application], topology: Topology, *, two_rows: bool, backups: bool
) -> dict[str, Box]:
    database_row = _SERVERS_ROW + (_SERVER_ROWS if two_rows else 0)
    places: dict[str, tuple[list[float], str]] = {
        open_webui.APP: ([1, _WEB_ROW], ""),
        redis.APP: ([0, _SERVERS_ROW], _TOPOLOGIES.get(topology.redis, "")),
        POOLER: ([1, _SERVERS_ROW], "PgBouncer"),
        postgresql.APP: ([1, database_row], _TOPOLOGIES.get(topology.postgresql, "")),
    }
    others = [app for app in applications if app not in places]
    places |= {app: ([3 + column, _SERVERS_ROW], "") for column, app in enumerate(others)}
    boxes = {app: _box(applications[app], *places[app]) for app in places if app in applications}
    if topology.pooler and POOLER not in boxes:
        # The operator has not created its Deployment.
        boxes[POOLER] = {"at": [1, _SERVERS_ROW], "title": POOLER, "notes": ["PgBouncer"], "kind": "failing"}
    if backups:
        row = database_row if topology.postgresql != "external" else _SERVERS_ROW
        boxes[BACKUP] = {"at": [2, row], "title": BACKUP, "notes": ["CronJob"], "kind": "stack"}
    for box in boxes.values():
        box["size"] = [1, 1.2] if len(box.get("notes", ())) > 1 else [1, 1]
    return boxes


def _box(application: Application, at: list[float], note: str) -> Box:
    notes = [f"{application.ready}/{application.replicas} ready", *([note] if note else [])]
    complete = application.ready >= application.replicas
    return {"at": at, "title": _short(application.app), "notes": notes, "kind": "stack" if complete else "failing"}


def _outside(topology: Topology, row: float) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    if topology.redis == "external":
        boxes[redis.APP] = {"at": [0, row], "title": "Redis", "notes": ["external"]}
    if topology.postgresql == "external":
        boxes[postgresql.APP] = {"at": [1, row], "title": "PostgreSQL", "notes": ["external"]}
    if topology.archive:
        boxes["archive"] = {"at": [1, row], "title": "Bucket", "notes": ["archive of the WAL"]}
    return boxes


def _arrows(boxes: Mapping[str, Box], topology: Topology) -> Iterator[dict[str, str]]:
    yield {"from": "clients", "to": open_webui.APP}
    database = POOLER if topology.pooler else postgresql.APP
    for app in boxes:
        if app not in ("clients", open_webui.APP, BACKUP, "archive", *((postgresql.APP,) if topology.pooler else ())):
            yield {"from": open_webui.APP, "to": app}
    if database == POOLER:
        yield {"from": POOLER, "to": postgresql.APP}
    if BACKUP in boxes:
        yield {"from": BACKUP, "to": postgresql.APP}
    if "archive" in boxes:
        yield {"from": postgresql.APP, "to": "archive"}


def _description(applications: Sequence[Application], topology: Topology, namespace: str) -> str:
    ready = ", ".join(f"{each.app} {each.ready}/{each.replicas}" for each in applications)
    return (
        f"Ready pods in the namespace {namespace}: {ready}. Redis: {topology.redis}. "
        f"PostgreSQL: {topology.postgresql}{', with PgBouncer' if topology.pooler else ''}"
        f"{', with an archive' if topology.archive else ''}."
    )


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"
