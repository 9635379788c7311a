"""What the keys under `pods` do: those of the stack in every pod, those of a component in its own."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.support.unit.effects import Effect
from tests.support.unit.recording import Recording

_NODE = "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]"
_AMOUNTS = {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "16Mi"}

Show = Callable[[Any], object]
"""Reads a value from a pod template."""


def template(recording: Recording, kind: str, name: str) -> Any:
    """The pod template of a workload."""
    spec = recording.one(kind, name).inputs["spec"]
    return (spec["jobTemplate"]["spec"] if kind == "CronJob" else spec)["template"]


def container(path: str, name: str, image: str) -> tuple[str, ...]:
    """``KEY=VALUE`` of an extra container."""
    amounts = (
        f"{path}[0].resources.{side}.{kind}={amount}"
        for side in ("requests", "limits")
        for kind, amount in _AMOUNTS.items()
    )
    return (f"{path}[0].name={name}", f"{path}[0].image={image}", *amounts)


def _prefix(owner: str) -> str:
    return "pods" if owner == "stack" else f"{owner}.pods"


def _sets(owner: str) -> tuple[str, ...]:
    """A value for each key that all have, in which the owner's name is."""
    prefix, name = _prefix(owner), owner.lower()
    return (
        f"{prefix}.nodeSelector.pool={name}",
        f"{prefix}.tolerations[0].key={name}",
        f"{prefix}.tolerations[0].operator=Exists",
        f"{prefix}.affinity.nodeAffinity.{_NODE}.key={name}",
        f"{prefix}.affinity.nodeAffinity.{_NODE}.operator=Exists",
        f"{prefix}.topologySpreadConstraints[0].maxSkew=2",
        f"{prefix}.topologySpreadConstraints[0].topologyKey=example.com/{name}",
        f"{prefix}.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
        f"{prefix}.schedulerName={name}",
        f"{prefix}.priorityClassName={name}",
        f"{prefix}.runtimeClassName={name}",
        f"{prefix}.labels.team={name}",
        f"{prefix}.annotations.contact={name}",
        f"{prefix}.imagePullSecrets[0]={name}",
        f"{prefix}.hostAliases[0].ip=10.0.0.1",
        f"{prefix}.hostAliases[0].hostnames[0]={name}",
        f"{prefix}.fixedUid=false",
    )


def _extra_sets(owner: str) -> tuple[str, ...]:
    """The keys that components have."""
    prefix = _prefix(owner)
    return (
        f"{prefix}.extraVolumes[0].name=extra",
        f"{prefix}.extraVolumes[0].configMap.name={owner.lower()}",
        f"{prefix}.extraVolumeMounts[0].name=extra",
        f"{prefix}.extraVolumeMounts[0].mountPath=/extra",
        *container(f"{prefix}.extraInitContainers", "first", "busybox:1.37"),
        *(() if owner == "backup" else container(f"{prefix}.extraContainers", "beside", "busybox:1.37")),
    )


def _outside_sets(owner: str, bundle: str) -> tuple[str, ...]:
    """The keys of pods that connect outside; ``bundle`` is ``configMap`` or ``secret``."""
    prefix, name = _prefix(owner), owner.lower()
    return (
        f"{prefix}.proxy.httpProxy=http://{name}.example.com:3128",
        f"{prefix}.proxy.httpsProxy=http://{name}.example.com:3129",
        f"{prefix}.proxy.noProxy[0]=.{name}.example.com",
        f"{prefix}.caBundle.{bundle}={name}",
        f"{prefix}.caBundle.key={name}.pem",
    )


def _at(*path: str) -> Show:
    def show(value: Any) -> object:
        for step in path:
            value = value[step]
        return value

    return show


def _variable(name: str, container: str | None) -> Show:
    """A variable of a container; None: of the main one."""

    def show(pod: Any) -> object:
        spec = pod["spec"]
        every = [*spec["containers"], *spec.get("initContainers", [])]
        [shown] = [each for each in every if each["name"] == container] if container else every[:1]
        return {each["name"]: each.get("value") for each in shown["env"]}[name]

    return show


def _named(key: str, name: str) -> Show:
    """The element of that name in a list of the pod's spec."""
    return lambda pod: next(each for each in pod["spec"][key] if each["name"] == name)


def _common(name: str) -> Mapping[str, tuple[Show, object]]:
    expression = {"matchExpressions": [{"key": name, "operator": "Exists"}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [expression]}}
    context = {
        "runAsNonRoot": True,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "nodeSelector": (_at("spec", "nodeSelector"), {"pool": name}),
        "tolerations": (_at("spec", "tolerations"), [{"key": name, "operator": "Exists"}]),
        "affinity": (_at("spec", "affinity"), {"nodeAffinity": required}),
        "topologySpreadConstraints": (
            _at("spec", "topologySpreadConstraints"),
            [{"maxSkew": 2, "topologyKey": f"example.com/{name}", "whenUnsatisfiable": "ScheduleAnyway"}],
        ),
        "schedulerName": (_at("spec", "schedulerName"), name),
        "priorityClassName": (_at("spec", "priorityClassName"), name),
        "runtimeClassName": (_at("spec", "runtimeClassName"), name),
        "labels": (_at("metadata", "labels", "team"), name),
        "annotations": (_at("metadata", "annotations", "contact"), name),
        "imagePullSecrets": (_at("spec", "imagePullSecrets"), [{"name": name}]),
        "hostAliases": (_at("spec", "hostAliases"), [{"ip": "10.0.0.1", "hostnames": [name]}]),
        "fixedUid": (_at("spec", "securityContext"), context),
    }


def _extra(owner: str) -> Mapping[str, tuple[Show, object]]:
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    shown: dict[str, tuple[Show, object]] = {
        "extraVolumes": (_named("volumes", "extra"), {"name": "extra", "configMap": {"name": owner.lower()}}),
        "extraVolumeMounts": (
            lambda pod: pod["spec"]["containers"][0]["volumeMounts"][-1],
            {"name": "extra", "mountPath": "/extra"},
        ),
        "extraInitContainers": (lambda pod: pod["spec"]["initContainers"][0]["securityContext"], restricted),
        "extraContainers": (lambda pod: pod["spec"]["containers"][-1]["securityContext"], restricted),
    }
    return shown


def _outside(name: str, container: str | None) -> Mapping[str, tuple[Show, object]]:
    def source(kind: str) -> Show:
        return lambda pod: _named("volumes", "private-ca")(pod).get(kind)  # type: ignore[attr-defined]

    items = [{"key": f"{name}.pem", "path": f"{name}.pem"}]
    return {
        "proxy.httpProxy": (_variable("HTTP_PROXY", container), f"http://{name}.example.com:3128"),
        "proxy.httpsProxy": (_variable("https_proxy", container), f"http://{name}.example.com:3129"),
        "proxy.noProxy": (
            lambda pod: str(_variable("NO_PROXY", container)(pod)).rpartition(",")[2],
            f".{name}.example.com",
        ),
        "caBundle.configMap": (source("configMap"), {"name": name, "items": items}),
        "caBundle.secret": (source("secret"), {"secretName": name, "items": items}),
        "caBundle.key": (lambda pod: _named("volumes", "private-ca")(pod)["configMap"]["items"], items),  # type: ignore[index]
    }


def pod_keys(
    owner: str,
    kind: str,
    name: str,
    *sets: str,
    outside: bool = False,
    container: str | None = None,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, Effect]:
    """The keys under the `pods` of one owner, in the pods of one workload. A component's go before the stack's.

    Args:
        owner: ``stack``, or the key of a component.
        kind: kind of the workload.
        name: its name.
        sets: what the workload needs in the config.
        outside: whether its pods connect outside the cluster.
        container: the container that does; None: the main one.
        secrets: secrets that the workload needs in the config.
    """
    stack = owner == "stack"
    own = owner.lower()

    def effect(show: Show, expected: object, *needed: str) -> Effect:
        return Effect(
            value="",
            sets=(*sets, *needed),
            secrets=secrets or {},
            shows=lambda r: show(template(r, kind, name)),
            expected=expected,
        )

    common = (*_sets("stack"), *(() if stack else _sets(owner)))
    effects = {key: effect(*shown, *common) for key, shown in _common(own).items()}
    if not stack:
        extras = {key: effect(*shown, *_extra_sets(owner)) for key, shown in _extra(owner).items()}
        effects |= extras
    if outside:
        for key, shown in _outside(own, container).items():
            bundle = "secret" if key == "caBundle.secret" else "configMap"
            both = (*_outside_sets("stack", "configMap"), *(() if stack else _outside_sets(owner, bundle)))
            effects[key] = effect(*shown, *(_outside_sets("stack", bundle) if stack else both))
    return {f"{_prefix(owner)}.{key}": each for key, each in effects.items()}
