"""How an update applies a change of Open WebUI's release: by a roll, or by stopping all old web pods first.

A Deployment rolls when it is updated and stops all pods when it is replaced (delete first). An option of the resource
selects one of the two. It depends on the release of the last update, which the program does not know. `remember`
stores it: its hook runs when the recorded release changes, before the Deployment is registered. Without a record, and
when the record does not change, the hook does not run and another release replaces the Deployment:

- The first update of a stack without a record writes one. Another release in the same update replaces the Deployment.
- After an update that was interrupted between the record and the Deployment, the next one replaces the Deployment.

Across a schema it rolls if old and new pods take part in handovers (`openWebui.schemaUpgrade`,
docs/decisions/0058-handover.md): the old ones stop serving before the first new one migrates the schema.

An update that turns handovers off replaces the Deployment: after a handover that failed, servers of the previous
release serve under a Deployment that has the new release already, and new pods would migrate beside them.

`keep_apart` looks at the Deployment itself, so that not even two interrupted updates in a row roll across a schema.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from ..blocks.labels import VERSION as VERSION_LABEL
from ..blocks.remembered import Facts, remember
from .names import APP, SCHEMA_UPGRADE_ANNOTATION
from .releases import hands_over, image_change, image_release, release_table
from .settings import OpenWebUISettings

REMEMBERED = "open-webui-release"
"""Logical name of the record of the release."""

_REPLACED_ON = f'metadata.labels["{VERSION_LABEL}"]'


class SideBySideError(Exception):
    """An update would let two releases serve that must not run side by side. The message is the whole report."""


class RollingUpgrade:
    """Decides how the Deployment follows a change of the release."""

    def __init__(self, component: pulumi.Resource | None, settings: OpenWebUISettings) -> None:
        """
        Args:
            component: the resource that messages are about; None for the whole stack.
            settings: the release that the config sets, its image, which tells the release unless a digest pins it, and
                how an upgrade changes the schema.
        """
        self._component = component
        self._facts = {"version": settings.version, "image": settings.image, **upgrade_annotations(settings)}
        self.rolls = False
        """Whether the Deployment is updated by a roll: known when the record is registered."""

        self.ends_handovers = False
        """Whether this update turns handovers off; known at the same time."""

    def record(self, opts: ResourceOptions) -> pulumi.Stash:
        """Record the release, which decides. `options` is valid from then on: the Deployment waits for the record."""
        return remember(REMEMBERED, self._facts, self.compare, opts)

    def compare(self, before: Facts, after: Facts) -> None:
        """Decide about a change of the record, and print the decision in the preview. It refuses no change."""
        self.ends_handovers = SCHEMA_UPGRADE_ANNOTATION in before.keys() - after.keys()
        if before["version"] == after["version"]:
            if self.ends_handovers:
                pulumi.log.info(
                    "openWebui.schemaUpgrade is replace again: all replicas stop before the first new one starts, "
                    "because replicas of another release may serve after a handover that failed.",
                    self._component,
                )
            return
        change = image_change(before["image"], after["image"])
        self.rolls = (change.rolls or hands_over(change, before, after)) and not self.ends_handovers
        how = "all replicas stop before the first new one starts"
        if self.rolls and change.rolls:
            how = "the replicas roll, one at a time, and requests are served throughout"
        elif self.rolls:
            how = "the replicas roll; the old ones stop serving when the first new one is ready to migrate the database"
        pulumi.log.info(
            f"Open WebUI {before['version']} -> {after['version']}: {how}, because {change.reason}.", self._component
        )

    @property
    def replaced_on(self) -> list[str]:
        """Paths in the Deployment whose change replaces it; known when the record is registered."""
        if self.ends_handovers:
            return ["*"]
        return [] if self.rolls else [_REPLACED_ON]

    def options(self) -> ResourceOptions:
        """Options of the Deployment, which has to depend on the record."""
        hook = ResourceHook("keep-releases-apart", keep_apart, ResourceHookOptions(on_dry_run=True))
        return ResourceOptions(
            replace_on_changes=self.replaced_on,
            delete_before_replace=True,
            hooks=ResourceHookBinding(before_update=[hook]),
        )


def upgrade_annotations(settings: OpenWebUISettings) -> dict[str, str]:
    """Annotations of the Deployment that show how its pods follow a change of the schema."""
    return {SCHEMA_UPGRADE_ANNOTATION: settings.schema_upgrade} if settings.handover_seconds else {}


def keep_apart(args: ResourceHookArgs) -> None:
    """What the hook does before the Deployment is updated.

    Raises:
        SideBySideError: the Deployment is of a release that must not run beside the new one.
    """
    before, after = (_release(inputs) for inputs in (args.old_inputs, args.new_inputs))
    annotations = [_member(inputs, "metadata", "annotations") or {} for inputs in (args.old_inputs, args.new_inputs)]
    # An adopted Deployment whose release is not known: the adoption has compared the releases.
    if before not in (after, None) and after is not None:
        change = release_table().change(before, after)
        if not (change.rolls or hands_over(change, *annotations)):
            raise SideBySideError(
                f"Open WebUI {before} and {after} must not run side by side: {change.reason}. An earlier update "
                "recorded another release and ended before it reached the web pods. Stop all of them in this update: "
                f"pulumi up --replace '{args.urn}'"
            )
    if SCHEMA_UPGRADE_ANNOTATION in annotations[0].keys() - annotations[1].keys():
        raise SideBySideError(
            "Replicas of another release may serve after a handover that failed. An earlier update recorded that "
            "openWebui.schemaUpgrade is replace, and ended before it reached the web pods. Stop all of them in this "
            f"update: pulumi up --replace '{args.urn}'"
        )


def _release(inputs: Mapping[str, Any] | None) -> str | None:
    """The release of a Deployment, from its label or, for an adopted Deployment without this label, from its image."""
    labels = _member(inputs, "metadata", "labels") or {}
    if VERSION_LABEL in labels:
        return str(labels[VERSION_LABEL])
    containers = _member(inputs, "spec", "template", "spec", "containers")
    # A secret in a list hides the whole list.
    images = [each["image"] for each in containers if each["name"] == APP] if isinstance(containers, list) else []
    return image_release(str(images[0])) if images else None


def _member(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
