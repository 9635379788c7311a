"""An existing Gateway is asked whether it takes the route, before anything is registered."""

from typing import Any

import pulumi
import pytest

from stack_config.cluster_access import in_context
from stack_config.cluster_checks import questions, require
from stack_config.cluster_questions import NotAskedError, NotFoundError
from stack_config.existing_gateway import gateway_findings, gateway_question
from stack_config.files import read_stack
from stack_config.load import ConfigError, parse
from stack_config.settings import StackSettings

EXISTING = (
    "openWebui.host=chat.example.com",
    "openWebui.gateway.enabled=true",
    "openWebui.gateway.controller=traefik",
    "openWebui.gateway.parentRef.name=public",
    "openWebui.gateway.parentRef.namespace=gateways",
)
ALL = {"namespaces": {"from": "All"}}


def settings_of(*sets: str) -> StackSettings:
    return parse(read_stack("dev", ["kubeContext=prod", *EXISTING, *sets]).values, [])


def listener(name: str = "https", protocol: str = "HTTPS", **fields: Any) -> dict[str, Any]:
    return {"name": name, "port": 443, "protocol": protocol, **fields}


def messages(settings: StackSettings, *listeners: dict[str, Any]) -> list[tuple[str, str]]:
    asked = []

    def ask(path: str) -> dict[str, Any]:
        asked.append(path)
        return {"spec": {"listeners": list(listeners)}}

    findings = list(gateway_findings(settings.open_webui, settings.namespace, ask))
    namespace = settings.open_webui.gateway.parent_ref.namespace or settings.namespace
    assert asked == [f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways/public"]
    return [(each.key.removeprefix("openWebui.gateway.parentRef."), each.message) for each in findings]


@pytest.mark.parametrize(
    "listeners",
    [
        [listener(allowedRoutes=ALL)],
        [listener(allowedRoutes=ALL, hostname="*.example.com")],
        [listener(allowedRoutes=ALL, hostname="chat.example.com")],
        # Only the cluster knows the labels of the namespace.
        [listener(allowedRoutes={"namespaces": {"from": "Selector", "selector": {"matchLabels": {"web": "yes"}}}})],
        [listener("tcp", "TCP", allowedRoutes=ALL), listener(allowedRoutes=ALL)],
    ],
)
def test_a_gateway_that_takes_the_route_is_no_finding(listeners: list[dict[str, Any]]) -> None:
    assert messages(settings_of(), *listeners) == []


@pytest.mark.parametrize(
    ("listeners", "message"),
    [
        # The default of the Gateway API: routes of the Gateway's own namespace.
        ([listener()], "admit no HTTPRoute of the stack's namespace"),
        ([listener(allowedRoutes={"namespaces": {"from": "Same"}})], "admit no HTTPRoute"),
        ([listener(allowedRoutes={"namespaces": {"from": "None"}})], "admit no HTTPRoute"),
        ([listener("tcp", "TCP", allowedRoutes=ALL)], "admit no HTTPRoute"),
        ([listener(allowedRoutes=ALL, hostname="other.example.com")], "is for chat.example.com"),
        ([listener(allowedRoutes=ALL, hostname="*.chat.example.com")], "is for chat.example.com"),
    ],
)
def test_a_gateway_that_does_not_take_the_route_is_refused(listeners: list[dict[str, Any]], message: str) -> None:
    [(key, actual)] = messages(settings_of(), *listeners)
    assert key == "name"
    assert message in actual


def test_a_gateway_in_the_namespace_of_the_stack_admits_by_default() -> None:
    beside = settings_of("openWebui.gateway.parentRef.namespace=rag-system")
    assert messages(beside, listener()) == []


def test_every_host_needs_a_listener() -> None:
    several = settings_of("openWebui.additionalHosts[0]=chat.example.org")
    [(_, message)] = messages(several, listener(allowedRoutes=ALL, hostname="*.example.com"))
    assert message.endswith("is for chat.example.org")


def test_a_listener_that_does_not_exist_is_refused_with_those_that_do() -> None:
    settings = settings_of("openWebui.gateway.parentRef.sectionName=web")
    [(key, message)] = messages(settings, listener(allowedRoutes=ALL), listener("http", "HTTP"))
    assert (key, message) == ("sectionName", "the Gateway public has no listener web")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program."""
    kept: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", kept.append)
    return kept


def require_gateway(error: Exception, served: str = "HTTPRoute") -> None:
    """Ask a cluster that serves one kind of the Gateway API and answers a question about the Gateway with an error."""
    version = "gateway.networking.k8s.io/v1"
    answers: dict[str, dict[str, Any]] = {
        "/apis": {"groups": [{"versions": [{"groupVersion": version}]}]},
        f"/apis/{version}": {"resources": [{"kind": served}]},
    }

    def ask(path: str) -> dict[str, Any]:
        if path in answers:
            return answers[path]
        raise error

    settings = settings_of()
    require([gateway_question(settings.open_webui, settings.namespace, ask)])


def test_a_gateway_that_does_not_exist_is_refused(warnings: list[str]) -> None:
    with pytest.raises(
        ConfigError, match="there is no Gateway public in namespace gateways: nothing would serve"
    ) as no:
        require_gateway(NotFoundError("Error from server (NotFound)"))
    assert "pulumi config set --path openWebui.gateway.parentRef.name" in str(no.value)
    assert warnings == []


def test_without_the_gateway_api_the_report_names_the_kinds_alone(warnings: list[str]) -> None:
    require_gateway(NotFoundError("Error from server (NotFound)"), served="GRPCRoute")
    assert warnings == []


def test_a_gateway_that_may_not_be_read_is_a_warning(warnings: list[str]) -> None:
    require_gateway(NotAskedError("Error from server (Forbidden)"))
    [warning] = warnings
    assert warning == (
        "not checked whether the Gateway of openWebui.gateway.parentRef takes the route: Error from server (Forbidden)"
    )


def test_a_gateway_of_the_stack_is_not_asked_for() -> None:
    own = parse(
        read_stack("dev", ["kubeContext=prod", *EXISTING[:2], "openWebui.gateway.className=traefik"]).values, []
    )
    asked = [[each.about for each in questions(settings, in_context("prod"))] for settings in (own, settings_of())]
    assert [any("the Gateway of" in about for about in each) for each in asked] == [False, True]
