"""The components of the package: the stack or a part of it under one parent."""

import pulumi
from pulumi import ResourceOptions
from pydantic.alias_generators import to_camel

from components.blocks.secret_inputs import SecretInputs
from composition.stack import Stack
from stack_config.settings import StackSettings

from .parts import Component


class PackageComponent(pulumi.ComponentResource):
    """One component of the package. Its children use the Kubernetes provider of the caller."""

    outputs: dict[str, pulumi.Input[str]]
    """The outputs that have a value, by their names in the schema."""

    def __init__(
        self,
        component: Component,
        name: str,
        settings: StackSettings,
        secret_inputs: SecretInputs,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(component.token, name, opts=opts)
        for warning in settings.open_webui.warnings if settings.PART.web else ():
            pulumi.log.warn(warning, self)
        stack = Stack(settings=settings, secret_inputs=secret_inputs, options=ResourceOptions(parent=self))
        stack.deploy()
        values = stack.outputs
        self.outputs = {to_camel(name): value for name in component.outputs if (value := values[name]) is not None}
        self.register_outputs(self.outputs)
