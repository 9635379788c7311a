"""`resources` of a container, from the settings' plain values."""

from pulumi_kubernetes.core.v1 import ResourceRequirementsArgsDict

from .resources import ContainerResources


def resource_requirements(resources: ContainerResources) -> ResourceRequirementsArgsDict:
    """The resources as Pulumi's type."""
    return {"requests": resources["requests"], "limits": resources["limits"]}
