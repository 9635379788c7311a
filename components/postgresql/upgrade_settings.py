"""Settings of an upgrade to another major version of PostgreSQL."""

from collections.abc import Iterator

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.image_versions import postgresql_major
from ..blocks.names import ImageReference


class UpgradeSettings(Settings):
    """How a change of the major version affects stored data. Without these keys the stack refuses the change."""

    from_image: ImageReference | None = Field(
        None,
        examples=["pgvector/pgvector:pg17"],
        description="Image of the release that wrote the stored data. With a newer major version in "
        "`postgresql.image` the pod dumps the data with it and restores the dump, before the server starts. The data "
        "directory from before stays on the volume. Needs free space of twice the databases and 192 MiB.",
    )
    undo: int | None = Field(
        None,
        ge=10,
        le=99,
        description="Major version whose upgrade is undone, with the earlier release in `postgresql.image`: the "
        "server uses the data directory from before the upgrade again. Rows written since then are not in it; they "
        "stay in another directory of the volume.",
    )

    @property
    def enabled(self) -> bool:
        """Whether the pod upgrades data of another major version."""
        return self.from_image is not None

    def problems(self) -> Iterator[Problem]:
        if self.from_image and self.undo:
            yield Problem(
                keys=("fromImage", "undo"),
                message="fromImage and undo: an upgrade and its opposite",
                allowed="one of them",
                fix=Fix.REMOVE,
            )


def upgrade_problems(image: str, upgrade: UpgradeSettings) -> Iterator[Problem]:
    """Problems of an upgrade with an image, as far as tags name the versions.

    Args:
        image: `postgresql.image`.
        upgrade: `postgresql.upgrade`.
    """
    new = postgresql_major(image)
    if new is None:
        return
    old = postgresql_major(upgrade.from_image) if upgrade.from_image else None
    if old is not None and int(old) >= int(new):
        yield Problem(
            keys=("upgrade.fromImage", "image"),
            message=f"upgrade.fromImage has PostgreSQL {old} and image PostgreSQL {new}: it is not an upgrade",
            allowed=f"an image older than PostgreSQL {new}, or no upgrade.fromImage",
            fix=Fix.REMOVE,
        )
    if upgrade.undo is not None and upgrade.undo <= int(new):
        yield Problem(
            keys=("upgrade.undo", "image"),
            message=f"upgrade.undo {upgrade.undo}, and image has PostgreSQL {new}: nothing would be undone",
            allowed=f"in image the release from before the upgrade to PostgreSQL {upgrade.undo}, or no upgrade.undo",
            fix=Fix.REMOVE,
        )
