"""Outputs and kubeconfig of a deployed environment."""

import json

from pulumi_values.special import SECRET
from terminal.console import results
from terminal.errors import LocalError

from ..engine.environment import cluster_in_use
from ..engine.workspace import deployed_stack


def outputs(environment: str, *, secrets: bool) -> None:
    """Print the outputs of the stack as JSON.

    Args:
        environment: its name.
        secrets: whether to print the values of secrets.

    Raises:
        LocalError: the environment is not deployed.
    """
    stack = deployed_stack(environment, cluster_in_use(environment), changes=False)
    values = {
        name: SECRET if output.secret and not secrets else output.value for name, output in stack.outputs().items()
    }
    # For programs: without the colors that rich adds.
    print(json.dumps(values, indent=2, sort_keys=True))


def kubeconfig(environment: str) -> None:
    """Print the path of the kubeconfig of an environment's cluster.

    Raises:
        LocalError: the environment is not deployed, or is on a cluster of the user's own kubeconfig.
    """
    cluster = cluster_in_use(environment)
    if not cluster.kubeconfig:
        raise LocalError(f"{environment} is on the context {cluster.context} of your own kubeconfig")
    results.print(str(cluster.kubeconfig), markup=False)
