"""Which stack: one that `make up` deployed here, or one in any cluster of a kubeconfig."""

from pathlib import Path

import yaml

from devcluster.clusters_in_use import cluster_of
from devcluster.toolchain.go_programs import kubectl
from host.directories import environment_directory, environments_in_use
from stack_config.files import stack_file
from stack_config.load import PROJECT
from stack_config.settings import StackSettings
from terminal.errors import LocalError, UsageError

from .kubectl import Kubectl, KubectlError
from .stack import PART_OF, WEB, Stack


def find_stack(environment: str, *, kubeconfig: Path | None, context: str | None, namespace: str | None) -> Stack:
    """The deployed stack.

    Args:
        environment: its name; what `make up` noted about it is used unless a kubeconfig or a context is given.
        kubeconfig: file; None for the user's own.
        context: in the kubeconfig; None for its current one when a kubeconfig is given.
        namespace: of the stack; None for that of the environment's config.

    Raises:
        UsageError: there is no such environment or file, or it is not deployed there.
        LocalError: it is not up on this machine, or the cluster does not answer.
    """
    if kubeconfig and not kubeconfig.is_file():
        raise UsageError(f"--kubeconfig {kubeconfig}: there is no such file")
    where = namespace or _namespace(environment)
    if kubeconfig or context:
        return _checked(Kubectl(program=str(kubectl()), namespace=where, kubeconfig=kubeconfig, context=context))
    cluster = cluster_of(environment)
    if cluster is None:
        raise LocalError(
            f"{environment} is not up on this machine. Deploy it: make up ENV={environment}\n"
            "A stack that pulumi deployed: the same command with CONTEXT=<context of your kubeconfig>"
        )
    return _checked(
        Kubectl(program=str(kubectl()), namespace=where, kubeconfig=cluster.kubeconfig, context=cluster.context)
    )


def _namespace(environment: str) -> str:
    """The namespace in the config that `make up` last used, else in the environment's own, else the default."""
    tracked = stack_file(environment)
    files = [tracked]
    if environment in environments_in_use():
        files.insert(0, environment_directory(environment) / "project" / tracked.name)
    default = str(StackSettings.model_fields["namespace"].default)
    for file in files:
        if file.exists():
            values = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
            return str(values.get(f"{PROJECT}:namespace", default))
    return default


def _checked(kubectl: Kubectl) -> Stack:
    """The stack, which is there.

    Raises:
        UsageError: it is not; says which namespaces have one.
        LocalError: the cluster does not answer.
    """
    try:
        found = kubectl.run("get", "deployment", WEB, "--ignore-not-found", "-o", "name").strip()
    except KubectlError as error:
        raise LocalError(f"the cluster does not answer: {error}") from error
    if not found:
        raise UsageError(
            f"there is no Deployment {WEB} in the namespace {kubectl.namespace} of the cluster.\n{_elsewhere(kubectl)}"
        )
    return Stack(kubectl)


def _elsewhere(kubectl: Kubectl) -> str:
    try:
        items = kubectl.get("namespaces", "-l", PART_OF)["items"]
    except KubectlError:
        items = []
    names = ", ".join(item["metadata"]["name"] for item in items)
    return f"Stacks are in: {names}. Choose with --namespace." if names else "Another namespace: --namespace NAME."
