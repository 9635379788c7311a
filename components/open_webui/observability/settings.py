"""Settings of the observability of the web pods."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ...blocks.base_settings import Fix, Problem
from ..feature_settings import FeatureSettings, SecretKey
from .audit import AuditSettings
from .otel import BASIC_AUTH_PASSWORDS, HEADERS, OtelSettings, headers_error

if TYPE_CHECKING:
    from ..settings import OpenWebUISettings


class ObservabilitySettings(FeatureSettings):
    """Logs, the audit log and OpenTelemetry of the web pods."""

    SECRETS: ClassVar[tuple[SecretKey, ...]] = (
        SecretKey(
            name=HEADERS,
            variable=HEADERS,
            key=HEADERS,
            setting="otel",
            description="Headers of every export to `openWebui.observability.otel`, such as "
            "`authorization=Bearer <token>`: name=value, separated by commas.",
            required=False,
            error=headers_error,
        ),
    )

    json_logs: bool = Field(
        False,
        description="Write the server's log as JSON, one object a line. Its first two lines and those of the init "
        "containers stay text.",
    )
    audit: AuditSettings = Field(AuditSettings(), description="The audit log.")
    otel: OtelSettings = Field(OtelSettings(), description="OpenTelemetry.")

    def problems(self) -> Iterator[Problem]:
        if self.audit.level != "none" and not self.json_logs:
            yield Problem(
                keys=("jsonLogs", "audit.level"),
                message=f"audit.level {self.audit.level} needs jsonLogs: otherwise an entry is part of a line of text",
                allowed="true",
                fix="true",
            )

    def conflicts(self, web: "OpenWebUISettings") -> Iterator[Problem]:
        if self.audit.level != "none" and web.log_level in ("WARNING", "ERROR"):
            yield Problem(
                keys=("logLevel", "observability.audit.level"),
                message=f"logLevel {web.log_level} removes the audit log, whose entries have the level INFO",
                allowed="INFO or DEBUG with observability.audit.level",
                fix="INFO",
            )

    def credential_problems(self, variables: Iterable[str]) -> Iterator[Problem]:
        basic = sorted(set(variables) & set(BASIC_AUTH_PASSWORDS))
        if HEADERS in variables and basic:
            yield Problem(
                keys=(basic[0], "observability.otel"),
                message=f"{basic[0]} conflicts with the secret {HEADERS}: Open WebUI sends either of them, and with a "
                "password not the headers",
                allowed=f"one of the two; {HEADERS} may contain authorization=Basic%20...",
                fix=Fix.REMOVE,
            )

    def uses(self, _secret: SecretKey) -> bool:
        return bool(self.otel.endpoints)

    def urls(self) -> dict[str, str]:
        return {f"otel.{signal}Endpoint": url for signal, url in self.otel.endpoints.items()}

    def variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> dict[str, str]:
        return {
            **({"LOG_FORMAT": "json"} if self.json_logs else {}),
            **self.audit.variables(),
            **self.otel.variables(),
        }

    def composed_variables(self, _services: Mapping[str, str]) -> dict[str, str]:
        return self.otel.composed_variables

    def pod_fields(self) -> dict[str, str]:
        return self.otel.pod_fields
