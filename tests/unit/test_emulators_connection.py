"""HTTP answers to the emulators, and their errors as the engine sees them."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, status_pb2

from emulators.cluster import ApiError, Cluster, NoSuchKindError, UnreachableError
from emulators.kubernetes_configuration import Configuration
from emulators.plugin import InitializationError, ProviderError, _answer

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}
KINDS = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}


class FakeClient:
    """The client's connection: answers each request with the next of `answers`."""

    configuration = SimpleNamespace(host="https://cluster.example.com")

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []

    def param_serialize(self, _method: str, path: str, **_: Any) -> tuple[str]:
        self.paths.append(path)
        return (path,)

    def call_api(self, *_: Any, **__: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(response=answer)


def answer(status: int, body: Any) -> Any:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return SimpleNamespace(status=status, data=data)


def cluster(*answers: Any) -> tuple[Cluster, FakeClient]:
    made, client = Cluster(Configuration({}), connections=1), FakeClient(answer(200, KINDS), *answers)
    made._client = client
    return made, client


def test_an_object_is_asked_for_by_its_path() -> None:
    made, client = cluster(answer(200, CONFIG_MAP))
    assert made.get(CONFIG_MAP) == CONFIG_MAP
    assert client.paths == ["/api/v1", "/api/v1/namespaces/n/configmaps/a"]


def test_refusals_have_the_api_servers_own_words() -> None:
    status = {"code": 404, "reason": "NotFound", "message": "not there", "details": {"kind": "namespaces"}}
    with pytest.raises(ApiError, match=r"^not there$") as refused:
        cluster(answer(404, status))[0].get(CONFIG_MAP)
    assert (refused.value.code, refused.value.reason, refused.value.lacks_namespace) == (404, "NotFound", True)
    with pytest.raises(ApiError, match=r"^<html>$") as proxy:
        cluster(answer(502, "<html>"))[0].get(CONFIG_MAP)
    assert proxy.value.code == 502


def test_without_valid_credentials_there_is_no_talking_to_it() -> None:
    with pytest.raises(UnreachableError, match="provide credentials"):
        cluster(answer(401, {"code": 401}))[0].get(CONFIG_MAP)
    with pytest.raises(UnreachableError, match=r"^https://cluster\.example\.com: broken$"):
        cluster(urllib3.exceptions.HTTPError("broken"))[0].get(CONFIG_MAP)


def test_a_kind_that_is_not_known_is_asked_for_again() -> None:
    missing = answer(404, {"code": 404})
    made, client = cluster(answer(200, KINDS), missing, missing)
    for api_version in ("v1", "example.com/v1"):
        with pytest.raises(NoSuchKindError, match=f'no matches for kind "Other" in version "{api_version}"'):
            made.resource(api_version, "Other")
    assert client.paths == ["/api/v1", "/api/v1", "/apis/example.com/v1", "/apis/example.com/v1"]


def test_events_are_read_whatever_way_they_are_cut_and_errors_end_nothing() -> None:
    events = [{"type": kind, "object": {"number": number}} for number, kind in enumerate(("ADDED", "ERROR", "DELETED"))]
    text = b"".join(json.dumps(event).encode() + b"\n" for event in events)

    class Response:
        status, closed = 200, False

        def stream(self, **_: Any) -> Iterator[bytes]:
            yield from (text[:10], text[10:50], text[50:])
            raise urllib3.exceptions.ProtocolError("Connection broken")

        def close(self) -> None:
            self.closed = True

    response = Response()
    assert list(cluster(response)[0].watch(CONFIG_MAP, 1)) == [events[0], events[2]]
    assert response.closed


class Context:
    """gRPC's, as far as an answer uses it."""

    metadata: tuple[tuple[str, bytes], ...] = ()
    text = ""

    def abort(self, _: Any, text: str) -> None:
        self.text = text
        raise RuntimeError("aborted")

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata


def failed(error: Exception | None) -> Context:
    def method(_: Any) -> None:
        assert error
        raise error

    context: Any = Context()
    with pytest.raises(RuntimeError, match="aborted"):
        _answer(method if error else None)(None, context)
    return context  # type: ignore[no-any-return]


def test_an_object_that_is_not_ready_is_told_with_its_state() -> None:
    state = Struct()
    state.update({"kind": "Deployment"})
    context = failed(InitializationError("n/a", state, ["not ready", "too few"]))
    [(key, value)] = context.metadata
    assert key == "grpc-status-details-bin"
    [packed] = status_pb2.Status.FromString(value).details
    detail = provider_pb2.ErrorResourceInitFailed()
    assert packed.Unpack(detail)
    assert (detail.id, list(detail.reasons), detail.properties) == ("n/a", ["not ready", "too few"], state)
    assert context.text == "not ready"


@pytest.mark.parametrize(
    ("error", "text"),
    [(ProviderError("word for word"), "word for word"), (KeyError("x"), "KeyError: 'x'"), (None, "not implemented")],
)
def test_no_stack_trace_reaches_the_user(error: Exception | None, text: str) -> None:
    context = failed(error)
    assert (context.text, context.metadata) == (text, ())
