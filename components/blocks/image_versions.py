"""Versions that the tags of container images name."""

import re

# pgvector/pgvector: pg17, pg17-trixie, 0.8.0-pg17-trixie. postgres: 17, 17.2, 17.2-trixie.
_POSTGRESQL_MAJOR = re.compile(r"(?:\d+\.\d+\.\d+-)?pg(\d+)\b|(\d+)(?:\.\d+)?(?:-|$)")
# redis, valkey/valkey: 7.4-alpine, 8.2.3, 9.
_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.\d+)?(?:-|$)")


def tag(image: str) -> str:
    """``17`` of ``registry:5000/postgres:17@sha256:…``; empty without a tag."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def postgresql_major(image: str) -> str | None:
    """``17`` of ``pgvector/pgvector:0.8.0-pg17``; None when the tag does not name it."""
    version = _POSTGRESQL_MAJOR.match(tag(image))
    return (version[1] or version[2]) if version else None


def release(image: str) -> tuple[int, int] | None:
    """``(7, 4)`` of ``redis:7.4.2-alpine``; None when the tag does not name a major and a minor version."""
    version = _VERSION.match(tag(image))
    return (int(version[1]), int(version[2])) if version and version[2] else None
