"""The report on what runs: one screen, or JSON."""

import json as json_format
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from components.open_webui import names as open_webui
from components.open_webui.releases import image_release
from terminal.console import step, tables
from terminal.errors import ExitCode, LocalError
from terminal.invocation import command_line

from ..deployed.applications import Application
from ..deployed.backup_state import shown
from ..deployed.simulation import print_simulated
from ..deployed.target import find_stack
from ..options import Target
from .alerts import Alert, age, firing
from .reading import read
from .state import Archive, Backups, State

_STYLES = {"critical": "red", "warning": "yellow"}
_REDIS = {
    "standalone": "one server",
    "sentinel": "primary and replicas with Sentinels",
    "cluster": "Redis Cluster",
    "external": "external",
}
_POSTGRESQL = {"standalone": "one server", "cloudnative-pg": "cluster of CloudNativePG", "external": "external"}


class UnhealthyError(LocalError):
    """An alert would fire. The command itself has not failed."""

    exit_code = ExitCode.UNHEALTHY


def status(target: Target, *, json: bool) -> None:
    """Print what runs.

    Args:
        target: the stack.
        json: whether to print JSON.

    Raises:
        UnhealthyError: an alert would fire.
        LocalError: there is no such stack, or the cluster does not answer.
    """
    stack = find_stack(target)
    with step("look at the stack") as progress:
        state = read(stack, progress)
    now = _now()
    kubectl = stack.kubectl.shown()
    alerts = [replace(alert, look_at=alert.look_at.replace("{kubectl}", kubectl)) for alert in firing(state, now)]
    if json:
        print(json_format.dumps(document(state, alerts, now), indent=2))
    else:
        _print(state, alerts, now, drift_command(target))
    if alerts:
        raise UnhealthyError(f"{len(alerts)} alert{'s' if len(alerts) > 1 else ''} would fire")


def drift_command(target: Target) -> str:
    """The command that shows manual changes. It runs the engine, which takes longer than a look."""
    if target.context or target.kubeconfig:
        return f"pulumi refresh --preview-only -s {target.environment}"
    return command_line("drift", env=target.environment)


def document(state: State, alerts: Sequence[Alert], now: datetime) -> dict[str, Any]:
    """The report for programs. Times are RFC 3339 in UTC, ages in seconds, sizes in bytes."""
    plain = asdict(state)
    newest = _newest(state.backups)
    return {
        "healthy": not alerts,
        "at": shown(now),
        "release": _release(state),
        **_with_texts(plain),
        "last_proved_backup": {"ended": shown(newest), "age": _seconds(newest, now)} if newest else None,
        "alerts": [asdict(alert) for alert in alerts],
    }


def _print(state: State, alerts: Sequence[Alert], now: datetime, drift: str) -> None:
    console = tables()
    where = f"{state.namespace} in {state.context}" if state.context else state.namespace
    console.print(
        Text.assemble(
            (f"Open WebUI {_release(state) or ''}".rstrip(), "bold"), f"  {where}  {now:%Y-%m-%d %H:%M:%S} UTC"
        )
    )
    if state.simulated:
        print_simulated(console)
    console.print()
    console.print(_applications(state.applications))
    console.print()
    lines = Table(box=None, pad_edge=False, show_header=False)
    for name, text in _lines(state, now, drift):
        lines.add_row(Text(name, style="dim"), Text(text))
    console.print(lines)
    console.print()
    for alert in alerts:
        severity = (f"{alert.severity:<9}", _STYLES[alert.severity])
        console.print(Text.assemble(severity, f"{alert.name}: {alert.summary}"))
        console.print(Text(f"         look at: {alert.look_at}", style="dim"), soft_wrap=True)
    if not alerts:
        console.print("[green]No alert would fire.[/green]")


def _applications(applications: Sequence[Application]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("application", "ready", "restarts", "image"):
        right = heading in ("ready", "restarts")
        table.add_column(heading, no_wrap=heading != "image", justify="right" if right else "left", overflow="fold")
    for each in applications:
        style = "" if each.ready >= each.replicas else "red"
        ready = Text(f"{each.ready}/{each.replicas}", style=style)
        table.add_row(each.app, ready, str(each.restarts), Text(", ".join(each.images)))
    return table


def _lines(state: State, now: datetime, drift: str) -> Iterator[tuple[str, str]]:
    topology = state.servers
    yield "Redis", _REDIS[topology.redis]
    more = [text for text, has in (("PgBouncer", topology.pooler), ("archive", topology.archive)) if has]
    yield "PostgreSQL", ", ".join([_POSTGRESQL[topology.postgresql], *more])
    yield "last proved backup", _backup(state.backups, now)
    if state.archive:
        yield "newest base backup", _base_backup(state.archive, now)
    for certificate in state.certificates:
        yield f"certificate {certificate.name}", f"until {_minute(certificate.ends)}"
    if state.volume:
        share = state.volume.used / state.volume.size
        yield "volume of PostgreSQL", f"{share:.0%} of {state.volume.size / 2**30:.1f} GiB"
    yield "drift", f"not compared; {drift}"
    for text in state.unread:
        yield "not read", text


def _base_backup(archive: Archive, now: datetime) -> str:
    time, waiting = archive.base_backup, archive.waiting_segments
    text = f"{_minute(time)}, {age(time, now)} ago" if time else "there is none"
    if waiting is None:
        return text
    return f"{text}; {waiting} segment{'s wait' if waiting != 1 else ' waits'} for the bucket"


def _backup(backups: Backups | None, now: datetime) -> str:
    if backups is None:
        return "no backup is scheduled"
    texts = [
        f"{_minute(each.succeeded)}, {age(each.succeeded, now)} ago" + (f" ({each.place})" if each.place else "")
        for each in backups.places
        if each.succeeded
    ]
    return "; ".join(texts or ["there is none"]) + (" - the schedule is suspended" if backups.suspended else "")


def _release(state: State) -> str | None:
    """The release of Open WebUI; None for an image of another name, and for two releases during a rollout."""
    web = state.application(open_webui.APP)
    releases = {image_release(image) for image in web.images} if web else set()
    return releases.pop() if len(releases) == 1 else None


def _newest(backups: Backups | None) -> datetime | None:
    return max((each.succeeded for each in (backups.places if backups else ()) if each.succeeded), default=None)


def _now() -> datetime:
    return datetime.now(UTC)


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _seconds(time: datetime, now: datetime) -> int:
    return int((now - time).total_seconds())


def _with_texts(value: Any) -> Any:
    """The same with times as texts."""
    if isinstance(value, dict):
        return {key: _with_texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_texts(each) for each in value]
    return shown(value) if isinstance(value, datetime) else value
