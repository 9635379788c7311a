"""Names of the component package."""

from stack_config.cluster_access import KUBECONFIG

PACKAGE = "open-webui-stack"
STACK = f"{PACKAGE}:index:OpenWebUIStack"
"""Type of the component with the whole stack."""

NOT_ARGUMENTS = ("cluster", "kubeContext", KUBECONFIG)
"""Config keys of the program by which it reaches its cluster: a component gets the provider of its caller."""
