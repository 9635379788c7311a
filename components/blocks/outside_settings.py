"""How pods reach services outside the cluster: through a proxy, and with certificates of a private authority."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base_settings import Fix, Problem, Settings
from .destinations import Destination, destination_of_url
from .names import HttpUrl, ObjectName, is_dns_name
from .needed_objects import NeededObject
from .pod_settings import PodSettings

BUNDLE_VARIABLES = (
    # OpenSSL, and with it aiohttp, httpx and urllib; Go.
    "SSL_CERT_FILE",
    # requests, which otherwise trusts certifi alone.
    "REQUESTS_CA_BUNDLE",
    # boto3, which otherwise trusts certifi or a bundle of its own.
    "AWS_CA_BUNDLE",
    # Open WebUI 0.12.4 (env.py): its aiohttp sessions, and the loader of web pages, which ignores REQUESTS_CA_BUNDLE.
    "AIOHTTP_CLIENT_SSL_CERT_FILE",
    # gRPC, which the exporter of OpenTelemetry uses.
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
"""Environment variables that name a bundle. Each replaces the bundle of its library."""

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Environment variables that name a proxy. Some programs read them in lower case, and curl reads HTTP_PROXY only in
lower case."""


def _no_proxy_host(text: str) -> str:
    if is_dns_name(text.removeprefix(".")) or _is_valid_range(text):
        return text
    raise PydanticCustomError(
        "no_proxy_host",
        "not a host",
        {"allowed": "a name, .domain, an address or a CIDR; no scheme, port or *", "example": ".example.com"},
    )


def _is_valid_range(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


NoProxyHost = Annotated[str, AfterValidator(_no_proxy_host)]
"""A host that pods reach without the proxy."""


class ProxySettings(Settings):
    """The HTTP proxy of the pods. The names are those of the Proxy of OpenShift."""

    http_proxy: HttpUrl | None = Field(
        None, examples=["http://proxy.example.com:3128"], description="Proxy of connections to http:// URLs."
    )
    https_proxy: HttpUrl | None = Field(
        None, examples=["http://proxy.example.com:3128"], description="Proxy of connections to https:// URLs."
    )
    no_proxy: list[NoProxyHost] = Field(
        [],
        examples=[".example.com"],
        description="Hosts that pods reach without the proxy: names, `.domain` for all names under it, addresses. "
        "Hosts of the cluster are always included.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.no_proxy and not self.urls:
            yield Problem(
                keys=("noProxy", "httpsProxy"),
                message="noProxy without httpProxy and httpsProxy: there is no proxy",
                allowed="remove noProxy, or set a proxy",
                fix=Fix.REMOVE,
            )

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of the proxies, by their keys."""
        urls = {"httpProxy": self.http_proxy, "httpsProxy": self.https_proxy}
        return {key: url for key, url in urls.items() if url}

    @property
    def urls_by_path(self) -> dict[str, str]:
        """The URLs of the proxies, by their path in the settings of the component."""
        return {f"pods.proxy.{key}": url for key, url in self.urls.items()}


class CaBundleSettings(Settings):
    """Certificates of private authorities that pods trust beside those of their image."""

    config_map: ObjectName | None = Field(
        None, examples=["private-ca"], description="Existing ConfigMap in the stack's namespace with the certificates."
    )
    secret: ObjectName | None = Field(
        None, examples=["private-ca"], description="Existing Secret in the stack's namespace with the certificates."
    )
    key: str = Field(
        "ca.crt",
        pattern=r"^[-._a-zA-Z0-9]+$",
        max_length=253,
        description="Key of the ConfigMap or Secret whose value is the certificates, in PEM.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.config_map and self.secret:
            yield Problem(
                keys=("secret", "configMap"),
                message=f"secret {self.secret} conflicts with configMap {self.config_map}",
                allowed="one of them",
                fix=Fix.REMOVE,
            )
        if "key" in self.model_fields_set and not self.is_set:
            yield Problem(
                keys=("key", "configMap"),
                message="key without configMap and secret: there is no bundle",
                allowed="remove key, or name a ConfigMap or a Secret",
                fix=Fix.REMOVE,
            )

    @property
    def is_set(self) -> bool:
        """Whether there is a bundle."""
        return bool(self.config_map or self.secret)

    def objects_needed(self, key: str) -> Iterator[NeededObject]:
        """The ConfigMap or Secret with the bundle; nothing without one.

        Args:
            key: these settings, as the user writes them: ``pods.caBundle``.
        """
        for name, kind, setting in ((self.config_map, "ConfigMap", "configMap"), (self.secret, "Secret", "secret")):
            if name:
                path = f"{key}.{setting}"
                yield NeededObject(
                    key=path,
                    name=name,
                    kind=kind,  # type: ignore[arg-type]
                    entries=(self.key,),
                    keys_to_fix=(path, f"{key}.key"),
                )


class OutsidePodSettings(PodSettings):
    """Settings of pods that connect to services outside the cluster."""

    proxy: ProxySettings = Field(
        ProxySettings(), description="HTTP proxy of the pods that connect outside the cluster, without credentials."
    )
    ca_bundle: CaBundleSettings = Field(
        CaBundleSettings(),
        description="Private certificate authorities that pods which connect outside the cluster trust as well.",
    )

    def objects_needed(self, key: str) -> Iterator[NeededObject]:
        yield from super().objects_needed(key)
        yield from self.ca_bundle.objects_needed(f"{key}.caBundle")


def without_outside(settings: PodSettings) -> PodSettings:
    """The same for pods that do not connect outside the cluster."""
    if not isinstance(settings, OutsidePodSettings):
        return settings
    return settings.model_copy(update={"proxy": ProxySettings(), "ca_bundle": CaBundleSettings()})


def proxy_destinations(settings: OutsidePodSettings) -> list[Destination]:
    """The proxies, for network policies."""
    proxies = (destination_of_url(url) for url in settings.proxy.urls.values())
    return [each for each in proxies if each]


def outside_variables(settings: OutsidePodSettings) -> dict[str, frozenset[str]]:
    """Environment variables that the settings set, by their key."""
    proxy = (*PROXY_VARIABLES, *(name.lower() for name in PROXY_VARIABLES)) if settings.proxy.urls else ()
    return {
        "proxy": frozenset(proxy),
        "caBundle": frozenset(BUNDLE_VARIABLES if settings.ca_bundle.is_set else ()),
    }
