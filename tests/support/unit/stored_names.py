"""Which variables of the web pods are written to the database."""

from tests.support.unit.recording import Recording


def stored_names(recording: Recording) -> list[str]:
    """The names in ``STORED_SETTINGS`` of the container that writes them."""
    variables = recording.containers["open-webui/migrate"]["env"]
    values = [variable["value"] for variable in variables if variable["name"] == "STORED_SETTINGS"]
    return values[0].split(",") if values else []
