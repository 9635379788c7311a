"""Settings of sign-in by LDAP. Source: `ldap_auth` in `routers/auths.py` of Open WebUI 0.12.4."""

from collections.abc import Iterator

from pydantic import Field

from ...blocks.addresses import HIGHEST_PORT
from ...blocks.base_settings import Problem, Settings
from ...blocks.destinations import cluster_namespace
from ...blocks.names import Line, Word, is_address, is_dns_name

_PORTS = {True: 636, False: 389}


class LdapGroupSettings(Settings):
    """Groups of a user in the directory."""

    attribute: Word | None = Field(
        None,
        examples=["memberOf"],
        description="Attribute with the DNs of the user's groups. A user is in the groups of the same common name "
        "after each sign-in. Default: the directory does not manage groups.",
    )
    create: bool = Field(False, description="Create groups that do not exist. Needs `attribute`.")

    def problems(self) -> Iterator[Problem]:
        if self.create and not self.attribute:
            yield Problem(
                keys=("attribute", "create"),
                message="create without attribute: the directory does not manage groups",
                allowed="the attribute with the DNs of the groups",
                fix="memberOf",
            )


class LdapSettings(Settings):
    """A directory whose users sign in with its passwords. TLS trusts the authorities of the pods."""

    enabled: bool | None = Field(
        None,
        examples=["false"],
        description="Default: with `host`. `false` turns off what an earlier update or the admin panel turned on.",
    )
    host: Word | None = Field(None, examples=["ldap.example.com"], description="Name or address of the server.")
    port: int | None = Field(None, ge=1, le=HIGHEST_PORT, description="Port. Default: 636 with TLS, else 389.")
    tls: bool = Field(True, description="Connect by TLS (LDAPS). Required for a server outside the cluster.")
    validate_certificate: bool = Field(
        True, description="Check the certificate of the server. A private authority: `pods.caBundle`."
    )
    label: Line = Field("LDAP Server", description="Name of the directory.")
    app_dn: Line | None = Field(
        None,
        examples=["cn=open-webui,ou=services,dc=example,dc=com"],
        description="Account that searches users. Needs the secret `LDAP_APP_PASSWORD`. Default: an anonymous bind.",
    )
    search_base: Line | None = Field(
        None, examples=["ou=people,dc=example,dc=com"], description="Where users are. Required with `host`."
    )
    search_filter: Line | None = Field(
        None,
        examples=["(memberOf=cn=chat,ou=groups,dc=example,dc=com)"],
        description="Further condition for users who may sign in. Default: every user below `searchBase`.",
    )
    username_attribute: Word = Field("uid", description="Attribute with the name that users sign in with.")
    mail_attribute: Word = Field(
        "mail",
        description="Attribute with the e-mail address, which identifies the account. Only administrators of "
        "the directory must be able to change it.",
    )
    groups: LdapGroupSettings = Field(LdapGroupSettings(), description="Groups of the directory.")

    def problems(self) -> Iterator[Problem]:
        others = sorted({type(self).model_fields[name].alias or name for name in self.model_fields_set - {"enabled"}})
        if self.enabled is not False and self.model_fields_set and not self.host:
            yield Problem(
                keys=("host", *(others or ["enabled"])[:1]),
                message="host is missing: the directory has no address",
                allowed="the name of the LDAP server",
                fix="ldap.example.com",
            )
        if self.is_used:
            yield from self._connection_problems()

    def _connection_problems(self) -> Iterator[Problem]:
        host = self.host or ""
        if not (is_address(host) or is_dns_name(host.lower())):
            yield Problem(
                keys=("host",),
                message=f"host {host} is not a name or an address",
                allowed="a host without scheme and port",
                fix="ldap.example.com",
            )
        elif not self.tls and not self.is_in_cluster:
            yield Problem(
                keys=("tls", "host"),
                message=f"tls false with host {host}: passwords would leave the cluster in plain text",
                allowed="true; false only for a Service of the cluster, name.namespace.svc",
                fix="true",
            )
        if self.tls and not self.validate_certificate and not self.is_in_cluster:
            yield Problem(
                keys=("validateCertificate", "host"),
                message=f"validateCertificate false with host {host}: any server in between would receive passwords",
                allowed="true, with pods.caBundle for a private authority",
                fix="true",
            )
        if not self.search_base:
            yield Problem(
                keys=("searchBase", "host"),
                message="searchBase is missing: no user is found",
                allowed="the DN below which users are",
                fix="ou=people,dc=example,dc=com",
            )
        if self.search_filter and not (self.search_filter.startswith("(") and self.search_filter.endswith(")")):
            yield Problem(
                keys=("searchFilter",),
                message=f"searchFilter {self.search_filter} is not a filter of LDAP",
                allowed="a condition in parentheses (RFC 4515)",
                fix=f"({self.search_filter.strip('()')})",
            )

    @property
    def is_used(self) -> bool:
        """Whether sign-in by LDAP is on."""
        return self.host is not None and self.enabled is not False

    @property
    def is_in_cluster(self) -> bool:
        """Whether the server is a Service of the cluster."""
        return cluster_namespace(self.host or "") is not None

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"{'ldaps' if self.tls else 'ldap'}://{self.host}:{self.port or _PORTS[self.tls]}"

    def variables(self) -> dict[str, str]:
        """Environment variables without secrets. All are set, because Open WebUI otherwise keeps the values of an
        earlier start."""
        if not self.is_used:
            return {"ENABLE_LDAP": "false"} if self.enabled is False else {}
        return {
            "ENABLE_LDAP": "true",
            "LDAP_SERVER_LABEL": self.label,
            "LDAP_SERVER_HOST": self.host or "",
            "LDAP_SERVER_PORT": str(self.port or _PORTS[self.tls]),
            "LDAP_USE_TLS": str(self.tls).lower(),
            "LDAP_VALIDATE_CERT": str(self.validate_certificate).lower(),
            "LDAP_APP_DN": self.app_dn or "",
            "LDAP_SEARCH_BASE": self.search_base or "",
            "LDAP_SEARCH_FILTER": self.search_filter or "",
            "LDAP_ATTRIBUTE_FOR_USERNAME": self.username_attribute,
            "LDAP_ATTRIBUTE_FOR_MAIL": self.mail_attribute,
            "ENABLE_LDAP_GROUP_MANAGEMENT": str(self.groups.attribute is not None).lower(),
            "ENABLE_LDAP_GROUP_CREATION": str(self.groups.create).lower(),
            **({"LDAP_ATTRIBUTE_FOR_GROUPS": self.groups.attribute} if self.groups.attribute else {}),
        }
