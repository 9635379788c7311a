"""Labels: `app` for selectors and `kubectl -l`, `app.kubernetes.io/*` for tools."""

from dataclasses import dataclass

PART_OF = "app.kubernetes.io/part-of"
"""Label of every object of the stack."""

STACK = "open-webui-stack"
"""Its value."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label of every namespace, with its name."""

VERSION = "app.kubernetes.io/version"
"""Label of an object whose release is known. Never part of a selector."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of one application of the stack."""

    app: str
    """Value of `app`, the only label that selectors use: selectors are immutable, so it never changes."""

    component: str
    """Role in the architecture: `cache`, `database`, `web`."""

    version: str | None = None
    """Release, if it is known. Never part of a selector."""

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select the application's pods."""
        return {"app": self.app}

    @property
    def metadata(self) -> dict[str, str]:
        """Labels of every object and pod of the application."""
        labels = {
            **self.selector,
            "app.kubernetes.io/name": self.app,
            "app.kubernetes.io/component": self.component,
            PART_OF: STACK,
            "app.kubernetes.io/managed-by": "pulumi",
        }
        return {**labels, VERSION: self.version} if self.version else labels
