"""Open WebUI Stack: settings -> components -> outputs. The components: composition/stack.py."""

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from composition.stack import Stack
from stack_config.cluster_checks import require_cluster
from stack_config.first_start import is_first_start
from stack_config.load import load_access, load_settings

settings, secret_inputs = load_settings()
access = load_access(settings)
require_cluster(settings, access)

# Never the context that happens to be current. The identifier is the stack's: a context that is renamed must not
# replace everything. The empty kubeconfig keeps the path of this machine's out of the state
# (docs/decisions/0002-provider.md, 0037-cluster-access.md).
cluster = k8s.Provider(
    "cluster",
    kubeconfig=Output.secret(access.kubeconfig) if access.kubeconfig else "",
    context=access.context,
    cluster_identifier=f"{pulumi.get_project()}/{pulumi.get_stack()}",
    enable_secret_mutable=True,
    enable_config_map_mutable=True,
    enable_patch_force=True,
)

stack = Stack(
    settings=settings,
    secret_inputs=secret_inputs,
    options=ResourceOptions(provider=cluster),
    starts_together=is_first_start(settings, access),
)
stack.deploy()

for name, value in stack.outputs.items():
    pulumi.export(name, value)
