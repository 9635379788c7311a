"""`python -m devcluster.node.agent`: the node's add-ons, which enforce network policies and provision volumes."""

import os
import sys
import threading
import traceback

from kubernetes import client, config

from . import volumes
from .layout import Layout, layout_of
from .network_policy import enforcement


def main(arguments: list[str]) -> None:
    """Run until the process is ended.

    Args:
        arguments: the kubeconfig and the name of the node's cluster.
    """
    kubeconfig, name = arguments
    layout = layout_of(name)
    if layout is None:
        sys.exit(f"the node {name} does not exist")
    api: client.ApiClient = config.new_client_from_config(config_file=kubeconfig)
    threading.Thread(target=_enforce, args=(api, layout), daemon=True).start()
    volumes.run(client.CoreV1Api(api), layout)


def _enforce(api: client.ApiClient, layout: Layout) -> None:
    try:
        enforcement.run(api, layout)
    except BaseException:
        traceback.print_exc()
        # A node must not run without enforcement: it ends with this process.
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
