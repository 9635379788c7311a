"""Finding a deployed stack: one that `up` deployed from this machine, or one in any cluster of a kubeconfig."""

from pathlib import Path

import yaml

from devcluster.clusters_in_use import cluster_of
from devcluster.toolchain.go_programs import kubectl
from host.directories import environment_directory, environments_in_use
from stack_config.files import stack_file
from stack_config.load import PROJECT
from stack_config.settings import StackSettings
from terminal.errors import LocalError, UsageError
from terminal.invocation import command_line, option

from ..options import Target
from .kubectl import Kubectl, KubectlError
from .stack import PART_OF, WEB, Stack


def find_stack(target: Target) -> Stack:
    """The deployed stack.

    Raises:
        UsageError: there is no such environment or file, or it is not deployed there.
        LocalError: it is not up on this machine, or the cluster does not answer.
    """
    kubeconfig, context = target.kubeconfig, target.context
    if kubeconfig and not kubeconfig.is_file():
        raise UsageError(f"--kubeconfig {kubeconfig}: there is no such file")
    namespace = target.namespace or configured_namespace(target.environment)
    if not (kubeconfig or context):
        cluster = cluster_of(target.environment)
        if cluster is None:
            raise LocalError(
                f"{target.environment} is not up on this machine. Deploy it: "
                f"{command_line('up', env=target.environment)}\n"
                f"For a stack that pulumi deployed, add {option('context', '<context of your kubeconfig>')}"
            )
        kubeconfig, context = cluster.kubeconfig, cluster.context
    return _checked(Kubectl(program=str(kubectl()), namespace=namespace, kubeconfig=kubeconfig, context=context))


def configured_namespace(environment: str) -> str:
    """The namespace in the config that `up` last used, else in the environment's own, else the default."""
    tracked = stack_file(environment)
    used = environment_directory(environment) / "project" / tracked.name
    return namespace_in(used if environment in environments_in_use() and used.exists() else tracked)


def namespace_in(file: Path) -> str:
    """The namespace in a stack file, else the default, also where there is no such file."""
    values = ((yaml.safe_load(file.read_text()) or {}).get("config") or {}) if file.exists() else {}
    return str(values.get(f"{PROJECT}:namespace", StackSettings.model_fields["namespace"].default))


def _checked(kubectl: Kubectl) -> Stack:
    """The stack, once its Deployment is known to exist.

    Raises:
        UsageError: it does not exist; the message says which namespaces have a stack.
        LocalError: the cluster does not answer.
    """
    try:
        deployment = kubectl.run("get", "deployment", WEB, "--ignore-not-found", "-o", "name").strip()
    except KubectlError as error:
        raise LocalError(f"the cluster does not answer: {error}") from error
    if not deployment:
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
    choose = option("namespace", "<namespace>")
    return f"Namespaces with a stack: {names}. Choose one: {choose}" if names else f"Another namespace: {choose}"
