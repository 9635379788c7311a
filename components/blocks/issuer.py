"""Settings of an issuer of cert-manager."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from .base_settings import Fix, Problem, Settings
from .names import ObjectName


class IssuerSettings(Settings):
    """An existing issuer of cert-manager."""

    name: ObjectName | None = Field(None, description="Name of the issuer that signs the certificate.")
    kind: Literal["Issuer", "ClusterIssuer"] = Field(
        "ClusterIssuer", description="`Issuer` in the stack's namespace, or `ClusterIssuer`."
    )

    @property
    def annotations(self) -> dict[str, str]:
        """Annotation of an Ingress or Gateway for which cert-manager creates the certificate; empty without an issuer.

        https://cert-manager.io/docs/reference/annotations/
        """
        if self.name is None:
            return {}
        return {f"cert-manager.io/{'cluster-issuer' if self.kind == 'ClusterIssuer' else 'issuer'}": self.name}

    def problems(self) -> Iterator[Problem]:
        if self.name is None and "kind" in self.model_fields_set:
            yield Problem(
                keys=("kind", "name"),
                message="kind without name: there is no issuer",
                allowed="the name of an issuer with it",
                fix=Fix.REMOVE,
            )
