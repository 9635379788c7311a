"""The Gateway API's custom resource definitions, of its Go module."""

from pathlib import Path

from tests.support.go_modules import module_directory

GATEWAY_API = "sigs.k8s.io/gateway-api@v1.6.3"
"""1.7.0 needs a newer Go than the toolchain."""


def definitions() -> Path:
    """Directory with the manifests of the standard channel; downloads the module if it is missing."""
    return module_directory(GATEWAY_API) / "config" / "crd" / "standard"
