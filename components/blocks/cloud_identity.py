"""Identity of pods at a cloud provider: annotations of their ServiceAccount."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field

from .base_settings import Problem, Settings
from .metadata_names import MetadataName, PublicText

ROLE_OF_AWS = "eks.amazonaws.com/role-arn"
"""IAM role that the pods assume (IRSA): https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html"""

ACCOUNT_OF_GOOGLE = "iam.gke.io/gcp-service-account"
"""IAM service account that the pods impersonate: https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"""

CLIENT_OF_AZURE = "azure.workload.identity/client-id"
"""Managed identity of the pods: https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html"""

LABEL_OF_AZURE = "azure.workload.identity/use"
"""Label of pods to which Azure's webhook adds a token."""


@dataclass(frozen=True, kw_only=True)
class _Identity:
    pattern: re.Pattern[str]
    allowed: str
    example: str


_IDENTITIES: Mapping[str, _Identity] = {
    ROLE_OF_AWS: _Identity(
        pattern=re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+"),
        allowed="the ARN of an IAM role",
        example="arn:aws:iam::123456789012:role/open-webui",
    ),
    ACCOUNT_OF_GOOGLE: _Identity(
        pattern=re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.:-]+\.gserviceaccount\.com"),
        allowed="the e-mail address of an IAM service account",
        example="open-webui@project.iam.gserviceaccount.com",
    ),
    CLIENT_OF_AZURE: _Identity(
        pattern=re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        allowed="the client ID of a managed identity",
        example="00000000-0000-0000-0000-000000000000",
    ),
}


class ServiceAccountSettings(Settings):
    """`serviceAccount` of a component in the stack's config."""

    annotations: dict[MetadataName, PublicText] = Field(
        {},
        description="Annotations of the ServiceAccount, such as the IAM role of `eks.amazonaws.com/role-arn`. A "
        "change rolls the web pods; a Job reads them when it starts.",
    )

    def problems(self) -> Iterator[Problem]:
        for name, identity in _IDENTITIES.items():
            value = self.annotations.get(name)
            if value is not None and not identity.pattern.fullmatch(value):
                yield Problem(
                    keys=(f'annotations["{name}"]',),
                    message=f"{value} is not {identity.allowed}",
                    allowed=identity.allowed,
                    fix=identity.example,
                )
