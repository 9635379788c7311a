"""The component of the package: the whole stack under one parent."""

import pulumi
from pulumi import ResourceOptions
from pydantic.alias_generators import to_camel

from components.blocks.secret_inputs import SecretInputs
from composition.stack import Stack
from stack_config.settings import StackSettings

from .names import STACK


class OpenWebUIStack(pulumi.ComponentResource):
    """Open WebUI, its Redis and its PostgreSQL. Its children use the Kubernetes provider of the caller."""

    outputs: dict[str, pulumi.Input[str]]
    """The outputs that have a value, by their names in the schema."""

    def __init__(
        self, name: str, settings: StackSettings, secret_inputs: SecretInputs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(STACK, name, opts=opts)
        for warning in settings.open_webui.warnings:
            pulumi.log.warn(warning, self)
        stack = Stack(settings=settings, secret_inputs=secret_inputs, options=ResourceOptions(parent=self))
        stack.deploy()
        self.outputs = {to_camel(output): value for output, value in stack.outputs.items() if value is not None}
        self.register_outputs(self.outputs)
