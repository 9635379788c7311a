"""The decision about uploads that every config has to contain, for tests of something else."""

import json
from collections.abc import Mapping

from stack_config.load import PROJECT

_KEY = f"{PROJECT}:openWebui"


def accepted(values: Mapping[str, object]) -> dict[str, object]:
    """The config as the engine hands it over, with ``openWebui.uploads.acceptLoss`` where it can have that key.

    Args:
        values: full keys, objects as JSON text.
    """
    text = values.get(_KEY, "{}")
    try:
        web = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        web = None
    uploads = web.get("uploads", {}) if isinstance(web, dict) else None
    if not isinstance(web, dict) or not isinstance(uploads, dict):
        return dict(values)
    return {**values, _KEY: json.dumps({**web, "uploads": {"acceptLoss": True, **uploads}})}
