"""Custom resource definitions of CloudNativePG and of its Barman Cloud plugin, of their Go modules."""

from pathlib import Path

from tests.support.go_modules import module_directory

CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0"
BARMAN_CLOUD = "github.com/cloudnative-pg/plugin-barman-cloud@v0.13.0"


def definitions(module: str = CLOUDNATIVE_PG) -> Path:
    """Directory with the manifests.

    Args:
        module: `CLOUDNATIVE_PG` or `BARMAN_CLOUD`.
    """
    return module_directory(module) / "config" / "crd" / "bases"
