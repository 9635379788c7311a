"""Another version of Open WebUI: all of the old one are gone before the first of the new one starts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kubernetes import watch
from urllib3.exceptions import HTTPError

from tests.support.engine.stack import Namespace, Stack
from tests.support.servers.server_process import wait_until

pytest_plugins = ("tests.support.engine.stack_fixtures",)

VERSION_LABEL = "app.kubernetes.io/version"


@contextmanager
def versions_at_every_moment(namespace: Namespace) -> Iterator[list[set[str]]]:
    """The versions of the web pods that exist, terminating ones included: one set for each moment of a change."""
    api, selector = namespace.core, "app=open-webui"
    listed = api.list_namespaced_pod(namespace.name, label_selector=selector)
    existing = {pod.metadata.name: pod.metadata.labels[VERSION_LABEL] for pod in listed.items}
    moments = [set(existing.values())]
    watching = watch.Watch()

    def follow() -> None:
        events = watching.stream(
            api.list_namespaced_pod,
            namespace.name,
            label_selector=selector,
            resource_version=listed.metadata.resource_version,
            _request_timeout=(5, 300),
        )
        # The connection ends with the cluster, if not before.
        with suppress(HTTPError):
            for event in events:
                pod = event["object"]
                if event["type"] == "DELETED":
                    existing.pop(pod.metadata.name, None)
                else:
                    existing[pod.metadata.name] = pod.metadata.labels[VERSION_LABEL]
                moments.append(set(existing.values()))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    yield moments
    # What the update has done may not have arrived yet.
    now = {
        pod.metadata.labels[VERSION_LABEL]
        for pod in api.list_namespaced_pod(namespace.name, label_selector=selector).items
    }
    wait_until(lambda: moments[-1] == now, "the events of the update", 30)
    watching.stop()


def test_two_versions_never_share_the_database(base: Stack, live: Namespace) -> None:
    before = live.pods("open-webui")[0].metadata.labels[VERSION_LABEL]
    release, _, patch = before.rpartition(".")
    after = f"{release}.{int(patch) + 1}"
    identities, revisions = live.identities(), live.revisions()
    replaced = {
        f"{step} {name}"
        for step in ("delete-replaced", "create-replacement")
        for name in ("Job open-webui-preflight", "Deployment open-webui")
    }
    assert base.preview(f"openWebui.version={after}").changes == replaced

    with versions_at_every_moment(live) as moments:
        assert base.keep(f"openWebui.version={after}").changes == replaced

    assert moments[0] == {before}
    assert moments[-1] == {after}
    assert set() in moments
    assert {before, after} not in moments
    assert [pod.metadata.labels[VERSION_LABEL] for pod in live.pods("open-webui")] == [after, after]
    changed = {name for name, uid in live.identities().items() if uid != identities.get(name)}
    assert changed == {"Deployment open-webui", "Job open-webui-preflight"}
    assert live.revisions() | {"open-webui": ""} == revisions | {"open-webui": ""}
    assert live.refusals() == []
