"""`python -m local.node.agent`: what a cluster's add-ons do elsewhere: enforces network policies, provides volumes."""

import sys
import threading

from kubernetes import client, config

from . import volumes
from .layout import layout_of
from .network_policy import enforcement


def main(arguments: list[str]) -> None:
    """Run until the process is ended.

    Args:
        arguments: the kubeconfig and the name of the node's cluster.
    """
    kubeconfig, name = arguments
    layout = layout_of(name)
    if layout is None:
        sys.exit(f"there is no node {name}")
    api: client.ApiClient = config.new_client_from_config(config_file=kubeconfig)
    threading.Thread(target=enforcement.run, args=(api, layout), daemon=True).start()
    volumes.run(client.CoreV1Api(api), layout)


if __name__ == "__main__":
    main(sys.argv[1:])
