"""What the stack's own PostgreSQL knows of itself: backups, base backups, certificate, volume.

The questions are those of the exporter, asked as its role: `status` and the alerts cannot differ.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import yaml

from components.postgresql import names as postgresql
from components.postgresql.monitoring import exporter

from ..deployed.database import query
from ..deployed.stack import Stack
from .state import Backup, Certificate

_BACKUP, _BASE_BACKUP = "open_webui_stack_backup", "open_webui_stack_base_backup"
_CERTIFICATE, _WAITING = "open_webui_stack_certificate", "open_webui_stack_archive_waiting"
_TEMPORARY, _DATABASES, _LOG = "open_webui_stack_temporary_files", "databases", "log"
_MARK = "-- "
_SECONDS = 30
# postgres_exporter has these itself: pg_database_size_bytes and pg_wal_size_bytes.
_SIZES = {
    _DATABASES: "SELECT sum(pg_database_size(oid))::bigint AS bytes FROM pg_database",
    _LOG: "SELECT coalesce(sum(size), 0)::bigint AS bytes FROM pg_ls_waldir()",
}

Rows = list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """The answers of the server."""

    backups: tuple[Backup, ...]
    base_backup: datetime | None
    base_backups_fail: bool
    waiting_segments: int
    certificate: Certificate | None
    used: int
    """Bytes on the volume: databases, log and temporary files."""


def measure(stack: Stack) -> Measurements:
    """Ask the server, in one session that changes nothing.

    Args:
        stack: with a server of topology standalone.

    Raises:
        KubectlError: the pod does not answer.
    """
    options = ("--csv", "--pset=tuples_only=off")
    lines = query(stack, _statements(), *options, database=postgresql.DATABASE, seconds=_SECONDS)
    return measurements(_tables(lines))


def measurements(tables: Mapping[str, Rows]) -> Measurements:
    """The measurements in the rows of each query."""
    base_backup = next(iter(tables[_BASE_BACKUP]), {})
    return Measurements(
        backups=tuple(_backup(row) for row in tables[_BACKUP]),
        base_backup=_time(base_backup.get("begun_timestamp_seconds", "0")),
        base_backups_fail=_time(base_backup.get("failing_since_timestamp_seconds", "0")) is not None,
        waiting_segments=int(tables[_WAITING][0]["segments"]),
        certificate=next((_certificate(row) for row in tables[_CERTIFICATE]), None),
        used=sum(int(tables[name][0]["bytes"]) for name in (_DATABASES, _LOG, _TEMPORARY)),
    )


@cache
def _statements() -> str:
    file = yaml.safe_load(exporter.exporter_files()[exporter.QUERIES])
    queries = {name: file[name]["query"] for name in (_BACKUP, _BASE_BACKUP, _CERTIFICATE, _WAITING, _TEMPORARY)}
    parts = [f"SET ROLE {exporter.EXPORTER_USER};", "SET statement_timeout = '8s';"]
    for name, text in {**queries, **_SIZES}.items():
        parts += [f"\\echo {_MARK}{name}", f"{text.rstrip().rstrip(';')};"]
    return "\n".join([*parts, ""])


def _tables(lines: list[str]) -> dict[str, Rows]:
    return {name: list(csv.DictReader(rows)) for name, rows in _sections(lines)}


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [number for number, line in enumerate(lines) if line.startswith(_MARK)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start].removeprefix(_MARK), lines[start + 1 : end]


def _backup(row: Mapping[str, str]) -> Backup:
    succeeded, failed = (_time(row[f"{name}_timestamp_seconds"]) for name in ("succeeded", "failed"))
    return Backup(
        place=row["place"], succeeded=succeeded, failed=bool(failed and (succeeded is None or failed > succeeded))
    )


def _certificate(row: Mapping[str, str]) -> Certificate:
    begins, ends = (
        datetime.fromtimestamp(int(row[f"not_{which}_timestamp_seconds"]), UTC) for which in ("before", "after")
    )
    return Certificate(name="PostgreSQL", begins=begins, ends=ends)


def _time(seconds: str) -> datetime | None:
    number = float(seconds)
    return datetime.fromtimestamp(number, UTC) if number > 0 else None
