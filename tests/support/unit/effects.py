"""What a config key does, and where it shows in what the program registers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stack_config.keys import config_keys
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
        actual: Any = recording.one(kind, name).inputs
        for step in path:
            actual = actual[step]
        return actual

    return value


def authority_volume(recording: Recording, volume: str) -> str:
    """The Secret of a certificate authority that the web pods mount."""
    volumes = {each["name"]: each for each in recording.pods["open-webui"]["volumes"]}
    return str(volumes[volume]["secret"]["secretName"])


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

BACKUP_BUCKET = (*BACKUP, "backup.s3.bucket=backups", "backup.s3.credentials=serviceAccount")

_AMOUNTS = ("cpu", "memory", "ephemeralStorage")


def _components() -> list[str]:
    """The components that have resources."""
    suffix = ".resources.limits.cpu"
    return sorted(path.removesuffix(suffix) for path in config_keys() if path.endswith(suffix))


def _distinct(component: str) -> dict[str, tuple[str, str, str]]:
    """Amounts of a component's container, none of which another component has."""
    number = _components().index(component)
    return {
        "requests": (f"{60 + number}m", f"{200 + number}Mi", f"{33 + number}Mi"),
        "limits": (str(3 + number), f"{5 + number}Gi", f"{6 + number}Gi"),
    }


def amounts(component: str, container: str) -> dict[str, Effect]:
    """The six keys of a component's resources, each in its own place; those of all components are set together."""
    enabled = [f"{each}.enabled=true" for each in _components() if f"{each}.enabled" in config_keys()]
    together = [
        f"{each}.resources.{side}.{key}={value}"
        for each in _components()
        for side, values in _distinct(each).items()
        for key, value in zip(_AMOUNTS, values, strict=True)
    ]
    return {
        f"{component}.resources.{side}.{key}": Effect(
            value="", sets=(*enabled, *together), shows=resources(container, side, name), expected=value
        )
        for side, values in _distinct(component).items()
        for key, name, value in zip(_AMOUNTS, ("cpu", "memory", "ephemeral-storage"), values, strict=True)
    }


def set_up_environment(recording: Recording) -> list[dict[str, Any]]:
    """Variables of the Job that makes a cluster."""
    [container] = recording.one("Job", "redis-set-up").inputs["spec"]["template"]["spec"]["containers"]
    return list(container["env"])


def egress_to_addresses(recording: Recording, port: int) -> list[str]:
    """The addresses that the web pods may connect to at the port."""
    rules: list[dict[str, Any]] = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    ports = [{"protocol": "TCP", "port": port}]
    return [
        peer["ipBlock"]["cidr"]
        for rule in rules
        if rule.get("ports") == ports
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
