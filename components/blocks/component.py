"""The base of every component: its type, its children, its outputs."""

from typing import Any, ClassVar, Generic, TypeVar

import pulumi
from pulumi import Input, ResourceOptions

from .children import Children
from .component_settings import ComponentSettings
from .labels import Labels
from .pod_settings import PodSettings

ArgsT = TypeVar("ArgsT")


class Component(pulumi.ComponentResource, Generic[ArgsT]):
    """A ComponentResource with typed args.

    A subclass sets `TYPE`, `LABELS` and `OUTPUTS`, and creates its objects in `create`. It has no constructor.
    `args.settings.pods` configures how its pods fit into the cluster::

        class Cache(Component[CacheArgs]):
            TYPE = "open-webui-stack:cache:Cache"
            LABELS = Labels(app="cache", component="cache")
            OUTPUTS = ("url",)

            url: Output[str]

            def create(self) -> None:
                children = self.children(self.args.namespace)
                ...
    """

    TYPE: ClassVar[str]
    """Type token, ``open-webui-stack:<package>:<Class>``. It is part of every child's URN and never changes."""

    LABELS: ClassVar[Labels]
    """Labels of its objects."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ()
    """Attributes that it registers as outputs."""

    def __init__(self, name: str, args: ArgsT, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, opts=opts)
        self.args = args
        self.create()
        self.register_outputs({output: getattr(self, output) for output in self.OUTPUTS})

    def create(self) -> None:
        """Create the children and assign the attributes that `OUTPUTS` names."""
        raise NotImplementedError

    def options(self, **options: Any) -> ResourceOptions:
        """Options of a child: this component as its parent, from which it has the provider, and ``options``."""
        return ResourceOptions(parent=self, **options)

    def children(self, namespace: Input[str], labels: Labels | None = None) -> Children:
        """A factory for the children in a namespace.

        Args:
            namespace: an existing namespace.
            labels: labels of the objects. Default: `LABELS`.
        """
        settings = getattr(self.args, "settings", None)
        pods = settings.pods if isinstance(settings, ComponentSettings) else PodSettings()
        hosts = settings.hosts_inside if isinstance(settings, ComponentSettings) else ()
        return Children(
            component=self, namespace=namespace, labels=labels or self.LABELS, pods=pods, hosts_inside=hosts
        )
