"""What the server's own configuration has for the archive."""

from .settings import ArchiveSettings

EXCHANGE = "/var/run/archive"
"""Directory of the requests to the archive container, which both containers mount (request.sh)."""

SCRIPTS = "/etc/archive"


def archive_parameters(settings: ArchiveSettings) -> dict[str, str]:
    """Server parameters of the archive, in the syntax of postgresql.conf; none when it is off."""
    if not settings.enabled:
        return {}
    return {
        "archive_mode": "on",
        "archive_command": f"'sh {SCRIPTS}/request.sh push %f %p'",
        "archive_timeout": f"{settings.timeout_seconds}s",
    }
