"""Whether an update starts the web pods for the first time: then nothing serves that it has to protect."""

from collections.abc import Callable

from pulumi.runtime import is_dry_run

from components.open_webui.names import APP

from .cluster_access import ClusterAccess
from .cluster_questions import NotAskedError, NotFoundError, asks, there_is_a_cluster
from .settings import StackSettings


def is_first_start(settings: StackSettings, access: ClusterAccess) -> bool:
    """Whether the cluster has no Deployment of the web pods.

    A cluster that does not answer counts as one that has it. A preview does not ask: it waits for no object.
    """
    return there_is_a_cluster() and not is_dry_run() and is_missing(asks(access), settings.namespace)


def is_missing(ask: Callable[[str], object], namespace: str) -> bool:
    """Whether a namespace does not exist, or has no Deployment of the web pods."""
    try:
        ask(f"/apis/apps/v1/namespaces/{namespace}/deployments/{APP}")
    except NotFoundError:
        return True
    except NotAskedError:
        pass
    return False
