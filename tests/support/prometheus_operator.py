"""Custom resource definitions of the Prometheus operator, of its Go module."""

from pathlib import Path

from tests.support.go_modules import module_directory

PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
"""The newest release that the Go module proxy has."""


def definitions() -> Path:
    """Directory with the manifests."""
    return module_directory(PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
