"""`stackctl adopt`."""

from ..options import ClusterName, Environment, SecretFiles, Sets, overrides


def adopt(
    env: Environment = "dev", cluster: ClusterName = "auto", sets: Sets = None, secret_file: SecretFiles = None
) -> None:
    """Adopt a deployment made manually under the stack's names. No pod restarts.

    The state changes. In the cluster, only the strategy of a Deployment changes, where an update cannot change it.
    """
    from .adoption import adopt as adopt_deployment

    adopt_deployment(env, cluster, overrides(sets, secret_file))
