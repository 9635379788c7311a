"""What a config key does, and where it shows in what the program registers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.unit.recording import Recording


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a key does: a value for it, and where the value shows."""

    value: str
    shows: Callable[[Recording], object]
    expected: object
    sets: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


def inputs(kind: str, name: str, *path: str | int) -> Callable[[Recording], object]:
    """The value at a path of the inputs of one resource."""

    def value(recording: Recording) -> object:
        found: Any = recording.one(kind, name).inputs
        for step in path:
            found = found[step]
        return found

    return value


def resources(container: str, side: str, name: str) -> Callable[[Recording], object]:
    """One amount of a container's resources."""
    return lambda recording: recording.containers[container]["resources"][side][name]


def variable(name: str) -> Callable[[Recording], object]:
    """The plain value of a variable of the Open WebUI container."""

    def value(recording: Recording) -> object:
        return {v["name"]: v.get("value") for v in recording.containers["open-webui/open-webui"]["env"]}.get(name)

    return value


def conf(config_map: str, file: str) -> Callable[[Recording], list[str]]:
    """The lines of a configuration file."""
    return lambda recording: recording.one("ConfigMap", config_map).inputs["data"][file].splitlines()


def line(config_map: str, file: str, text: str) -> Callable[[Recording], bool]:
    """Whether a configuration file has the line."""
    return lambda recording: text in conf(config_map, file)(recording)


def backup_variable(name: str) -> Callable[[Recording], object]:
    """The value of a variable of the backups."""
    return lambda recording: {v["name"]: v["value"] for v in recording.containers["postgres-backup/backup"]["env"]}[
        name
    ]


BACKUP = ("backup.enabled=true",)

_AMOUNTS = {
    "backup": {"requests": ("60m", "200Mi", "33Mi"), "limits": ("3", "5Gi", "6Gi")},
    "openWebui": {"requests": ("61m", "201Mi", "34Mi"), "limits": ("4", "6Gi", "7Gi")},
    "postgresql": {"requests": ("62m", "202Mi", "35Mi"), "limits": ("5", "7Gi", "8Gi")},
    "redis": {"requests": ("63m", "203Mi", "36Mi"), "limits": ("6", "8Gi", "9Gi")},
}
"""Of every component, no two the same."""


def amounts(component: str, container: str) -> dict[str, Effect]:
    """The six keys of a component's resources, each in its own place; those of all components are set together."""
    keys = ("cpu", "memory", "ephemeralStorage")
    together = tuple(
        f"{each}.resources.{side}.{key}={value}"
        for each, sides in _AMOUNTS.items()
        for side, given in sides.items()
        for key, value in zip(keys, given, strict=True)
    )
    return {
        f"{component}.resources.{side}.{key}": Effect(
            value="", sets=(*BACKUP, *together), shows=resources(container, side, name), expected=value
        )
        for side, given in _AMOUNTS[component].items()
        for key, name, value in zip(keys, ("cpu", "memory", "ephemeral-storage"), given, strict=True)
    }


def set_up_environment(recording: Recording) -> list[dict[str, Any]]:
    """Variables of the Job that makes a cluster."""
    [container] = recording.one("Job", "redis-set-up").inputs["spec"]["template"]["spec"]["containers"]
    return list(container["env"])
