"""Pod Security Standards, profile "restricted" (baseline included), for Linux pods.

Version v1.30, which the stack's namespace enforces, and what later versions reject in addition (hosts in probes, 1.34).

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .objects import WITH_PODS, Object, Pod, containers, field, items, mapping, pod
from .rule import Context, ObjectRule

_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SECCOMP = ("RuntimeDefault", "Localhost")
_APPARMOR = ("RuntimeDefault", "Localhost")
_SELINUX = ("container_t", "container_init_t", "container_kvm_t")
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    }
)
_HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def restricted(item: Object, _context: Context) -> Iterator[str]:
    """Reasons why a namespace that enforces "restricted" rejects a pod."""
    described = pod(item)
    if described is None:
        return
    yield from _of_pod(described)
    for container in containers(described.spec):
        for message in _of_container(container, mapping(field(described.spec, "securityContext"))):
            yield f"container {field(container, 'name')}: {message}"


def _of_pod(described: Pod) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if described.spec.get(name):
            yield f"{name} is not allowed"
    for volume in items(described.spec.get("volumes")):
        for sort in set(volume) - {"name"} - _VOLUMES:
            yield f"volume {field(volume, 'name')}: {sort} is not allowed"
    context = mapping(field(described.spec, "securityContext"))
    for sysctl in items(context.get("sysctls")):
        if field(sysctl, "name") not in _SYSCTLS:
            yield f"sysctl {field(sysctl, 'name')} is not allowed"
    for name, profile in described.annotations.items():
        if name.startswith(_APPARMOR_ANNOTATION) and not str(profile).startswith(("runtime/default", "localhost/")):
            yield "AppArmor must not be switched off"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot must not be false"
    yield from _of_both(context)


def _of_both(context: Mapping[str, Any]) -> Iterator[str]:
    """Violations in the fields that the security contexts of pods and containers share."""
    if context.get("runAsUser") == 0:
        yield "runAsUser must not be 0"
    if context.get("seccompProfile") is not None and field(context, "seccompProfile", "type") not in _SECCOMP:
        yield "seccompProfile must be RuntimeDefault or Localhost"
    options = mapping(context.get("seLinuxOptions"))
    if options.get("type") not in (None, "", *_SELINUX) or options.get("user") or options.get("role"):
        yield "seLinuxOptions must name no user, no role and only a container type"
    if field(context, "appArmorProfile", "type") not in (None, *_APPARMOR):
        yield "appArmorProfile must be RuntimeDefault or Localhost"
    if field(context, "windowsOptions", "hostProcess"):
        yield "hostProcess is not allowed"


def _of_container(container: Mapping[str, Any], of_pod: Mapping[str, Any]) -> Iterator[str]:
    context = mapping(field(container, "securityContext"))
    yield from _of_both(context)
    if context.get("privileged"):
        yield "privileged is not allowed"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false"
    if context.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot must be true, here or for the pod"
    if context.get("seccompProfile") is None and of_pod.get("seccompProfile") is None:
        yield "seccompProfile must be set, here or for the pod"
    if "ALL" not in items(field(context, "capabilities", "drop")):
        yield "capabilities must drop ALL"
    for capability in items(field(context, "capabilities", "add")):
        if capability != "NET_BIND_SERVICE":
            yield f"capability {capability} must not be added"
    if context.get("procMount") not in (None, "Default"):
        yield "procMount must be Default"
    yield from _of_network(container)


def _of_network(container: Mapping[str, Any]) -> Iterator[str]:
    for port in items(container.get("ports")):
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']} is not allowed"
    handlers = [container.get(name) for name in _HANDLERS]
    handlers += [field(container, "lifecycle", hook) for hook in ("postStart", "preStop")]
    for handler in handlers:
        if field(handler, "httpGet", "host") or field(handler, "tcpSocket", "host"):
            yield "probes and hooks must not name a host"


def service_account_token(item: Object, _context: Context) -> Iterator[str]:
    """Pods with a token for the API server: a compromised container can use it."""
    described = pod(item)
    if described is None:
        return
    if described.spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken must be false"
    for volume in items(described.spec.get("volumes")):
        for source in items(field(volume, "projected", "sources")):
            # The API server rejects a token for another audience.
            if field(source, "serviceAccountToken") is not None and not field(
                source, "serviceAccountToken", "audience"
            ):
                yield f"volume {field(volume, 'name')}: it has a token for the API server"


def enforced(item: Object, _context: Context) -> Iterator[str]:
    """Labels without which a Namespace accepts pods that are not "restricted"."""
    if field(item, "kind") == "Namespace":
        labels = mapping(field(item, "metadata", "labels"))
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "it does not enforce Pod Security restricted"
        elif labels.get("pod-security.kubernetes.io/enforce-version", "latest") == "latest":
            yield "the version of the Pod Security that it enforces is that of the cluster"


RULES = (
    ObjectRule(
        name="pod-security-restricted",
        description="Every container, init containers included, keeps to Pod Security restricted: root in a container "
        "is one bug away from root on the node.",
        remedy="Use pod_security_context() and container_security_context() of components/blocks/pod_security.py.",
        kinds=WITH_PODS,
        check=restricted,
    ),
    ObjectRule(
        name="no-service-account-token",
        description="No pod has a token for the API server: none of the stack asks it anything.",
        remedy="Set automountServiceAccountToken: false for the pod. Where a token is needed, project one with an "
        "audience.",
        kinds=WITH_PODS,
        check=service_account_token,
    ),
    ObjectRule(
        name="namespace-enforces-pod-security",
        description="A Namespace enforces Pod Security restricted, so that nothing put there later is less, in a fixed "
        "version, so that an upgrade of the cluster does not change what that means.",
        remedy="Label it pod-security.kubernetes.io/enforce: restricted, and with that enforce-version: v1.30.",
        kinds=("Namespace",),
        check=enforced,
    ),
)
