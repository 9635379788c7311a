"""The Middleware of Traefik that repeats requests, and who uses it."""

import pytest

from tests.support.unit.recording import run

HOST = "openWebui.host=chat.example.com"
INGRESS = (HOST, "openWebui.ingress.enabled=true", "openWebui.ingress.className=traefik")
GATEWAY = (HOST, "openWebui.gateway.enabled=true", "openWebui.gateway.className=traefik")
ON_INGRESS = "openWebui.ingress.retryConnections=true"
ON_GATEWAY = "openWebui.gateway.retryConnections=true"
ANNOTATION = "traefik.ingress.kubernetes.io/router.middlewares"
OWN = "rag-system-open-webui-retry@kubernetescrd"
FILTER = {
    "type": "ExtensionRef",
    "extensionRef": {"group": "traefik.io", "kind": "Middleware", "name": "open-webui-retry"},
}


@pytest.mark.parametrize(
    ("sets", "users"),
    [
        ((*INGRESS, ON_INGRESS), ["Ingress"]),
        ((*GATEWAY, ON_GATEWAY), ["HTTPRoute"]),
        ((*INGRESS, *GATEWAY, ON_INGRESS, ON_GATEWAY), ["Ingress", "HTTPRoute"]),
        ((*INGRESS, *GATEWAY, ON_GATEWAY), ["HTTPRoute"]),
    ],
)
def test_there_is_one_middleware_for_those_that_use_it(sets: tuple[str, ...], users: list[str]) -> None:
    recording = run("dev", sets)
    middleware = recording.one("Middleware")
    assert (middleware.name, middleware.inputs["apiVersion"]) == ("open-webui-retry", "traefik.io/v1alpha1")
    # It repeats nothing because of a status, and nothing that a replica has received.
    assert middleware.inputs["spec"] == {"retry": {"attempts": 10}}
    for kind in ("Ingress", "HTTPRoute"):
        for route in (each for each in recording.objects if each.kind == kind):
            annotation = route.inputs["metadata"]["annotations"].get(ANNOTATION)
            filters = route.inputs["spec"]["rules"][0].get("filters")
            assert (annotation == OWN) == (kind == "Ingress" and kind in users)
            assert (filters == [FILTER]) == (kind == "HTTPRoute" and kind in users)
            # A router that names a Middleware which does not exist yet answers with an error.
            assert (middleware.urn in route.dependencies) == (kind in users)


def test_without_the_key_there_is_no_middleware() -> None:
    recording = run("dev", [*INGRESS, *GATEWAY])
    assert not [each for each in recording.objects if each.kind == "Middleware"]
    assert ANNOTATION not in recording.one("Ingress").inputs["metadata"]["annotations"]


def test_the_middlewares_of_the_user_stay() -> None:
    sets = [*INGRESS, ON_INGRESS, f'openWebui.ingress.annotations["{ANNOTATION}"]=ops-limits@kubernetescrd']
    assert run("dev", sets).one("Ingress").inputs["metadata"]["annotations"][ANNOTATION] == (
        f"ops-limits@kubernetescrd,{OWN}"
    )
