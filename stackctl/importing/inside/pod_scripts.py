"""The startup scripts of the stack, which a web pod has as the package ``startup``."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.open_webui.files.startup import database, encrypted_data, faster_import, lock, output, release
else:
    from startup import database, encrypted_data, faster_import, lock, output, release

__all__ = ["database", "encrypted_data", "faster_import", "lock", "output", "release"]
