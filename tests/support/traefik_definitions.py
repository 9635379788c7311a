"""Custom resource definitions of Traefik, of its Go module."""

from pathlib import Path

from tests.support.go_modules import module_directory

TRAEFIK = "github.com/traefik/traefik/v3@v3.7.13"
"""The newest release that the Go module proxy has."""


def definitions() -> list[Path]:
    """The manifests. Traefik's provider waits for the kinds of all of them."""
    directory = module_directory(TRAEFIK) / "docs" / "content" / "reference" / "dynamic-configuration"
    return sorted(directory.glob("traefik.io_*.yaml"))
