"""An environment on this machine: its config checked, its cluster up, its stack open."""

import json
from contextlib import AbstractContextManager

from pulumi import automation

from devcluster.clusters.choice import Cluster
from devcluster.clusters_in_use import bring_up, cluster_of
from host.locks import exclusive
from stack_config.files import ENCRYPTED, read_stack, set_path, stack_file
from stack_config.load import PROJECT, parse

from ..options import Overrides
from .recovery import recover
from .workspace import forget_state, not_deployed, open_stack


def one_command_at_a_time(environment: str) -> AbstractContextManager[None]:
    """Wait for other commands on the environment: two commands would start its cluster twice and overwrite its
    config."""
    return exclusive(f"environment-{environment}", f"works on {environment}")


def check_config(environment: str, overrides: Overrides) -> None:
    """Check the config before anything is built or started.

    Raises:
        ConfigError: all invalid values in one report, including those at which the CLI would stop.
    """
    config = read_stack(environment, ["kubeContext=checked-later", *overrides.sets])
    secrets: dict[str, object] = {}
    for key in overrides.secret_files:
        set_path(secrets, f"{key}={ENCRYPTED}", PROJECT)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in secrets.items()}
    parse({**config.values, **texts}, config.secret_keys | texts.keys())


def prepared_stack(environment: str, requested_cluster: str, overrides: Overrides) -> tuple[Cluster, automation.Stack]:
    """The cluster of an environment, started when necessary, and the stack, ready for the engine.

    Raises:
        LocalError: the cluster, the toolchain or the stack is not available.
    """
    cluster, is_new = bring_up(environment, requested_cluster)
    if is_new:
        forget_state(environment)
    stack = open_stack(environment, cluster, overrides)
    recover(stack, cluster)
    return cluster, stack


def cluster_in_use(environment: str) -> Cluster:
    """The cluster that the environment is deployed to.

    Raises:
        StackFileError: there is no such environment.
        LocalError: it is not deployed.
    """
    stack_file(environment)
    cluster = cluster_of(environment)
    if cluster is None:
        raise not_deployed(environment)
    return cluster
