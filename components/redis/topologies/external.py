"""A Redis that is somewhere else: nothing is deployed, Open WebUI is led to it."""

from collections.abc import Mapping

from pulumi import Input, Output
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.connection import AUTHORITY_DIRECTORY
from ...blocks.egress import egress_rules
from ..settings import RedisExternalSettings

CACHE_URL = "redisCacheUrl"
WEBSOCKET_URL = "redisWebsocketUrl"


def external_urls(
    settings: RedisExternalSettings, secret_inputs: Mapping[str, Input[str]]
) -> tuple[Output[str], Output[str]]:
    """URLs of the application's state and of the websockets, as given; with the authority's file when there is one."""
    cache = Output.secret(secret_inputs[CACHE_URL])
    websocket = Output.secret(secret_inputs[WEBSOCKET_URL]) if WEBSOCKET_URL in secret_inputs else cache
    if not settings.certificate_authority:
        return cache, websocket
    return cache.apply(with_authority), websocket.apply(with_authority)


def with_authority(url: str) -> str:
    """The URL with the file of the certificate authority, unless it names one itself."""
    if "ssl_ca_certs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={AUTHORITY_DIRECTORY}/ca.crt"


def external_egress(settings: RedisExternalSettings, own_namespace: str) -> list[NetworkPolicyEgressRuleArgsDict]:
    """Edges to the servers, and to their Sentinels."""
    return egress_rules((destination for _, destination in settings.destinations), own_namespace)
