"""Another release of Open WebUI: it rolls where the two may run side by side; otherwise all old pods are gone first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kubernetes import watch
from urllib3.exceptions import HTTPError

from components.open_webui.settings import OpenWebUISettings
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack
from tests.support.engine.state import forget
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

    def settled() -> bool:
        pods = api.list_namespaced_pod(namespace.name, label_selector=selector).items
        # A pod of the old release terminates for a while after the rollout is complete.
        return not any(pod.metadata.deletion_timestamp for pod in pods) and moments[-1] == {
            pod.metadata.labels[VERSION_LABEL] for pod in pods
        }

    wait_until(settled, "the events of the update", 60)
    watching.stop()


RECORD = "update Stash open-webui-release"
REPLACED = {f"{step} Deployment open-webui" for step in ("delete-replaced", "create-replacement")}
RELEASE = OpenWebUISettings().version
BESIDE = "0.12.3"
"""A release that runs beside the one of the base stack."""

OTHER_SCHEMA = "0.12.0"


def test_another_release_of_the_same_schema_rolls(base: Stack, live: Namespace) -> None:
    identities = live.identities()
    rolled = {RECORD, "update Deployment open-webui", *PREFLIGHT_AGAIN}

    preview = base.preview(f"openWebui.version={BESIDE}")
    assert preview.changes == rolled
    message = f"Open WebUI {RELEASE} -> {BESIDE}: the replicas roll, one at a time, and requests are served throughout"
    assert message in "\n".join(preview.text)

    for old, new in ((RELEASE, BESIDE), (BESIDE, RELEASE)):
        with versions_at_every_moment(live) as moments:
            assert base.up(f"openWebui.version={new}").changes == rolled
        assert (moments[0], moments[-1]) == ({old}, {new})
        assert {old, new} in moments
        assert set() not in moments
        assert [pod.metadata.labels[VERSION_LABEL] for pod in live.pods("open-webui")] == [new, new]
    assert live.identities()["Deployment open-webui"] == identities["Deployment open-webui"]
    assert live.refusals() == []


def test_with_handovers_a_release_of_another_schema_rolls_from_the_next_update_on(base: Stack, live: Namespace) -> None:
    handover, other = "openWebui.schemaUpgrade=handover", f"openWebui.version={OTHER_SCHEMA}"
    rolled = {RECORD, "update Deployment open-webui", *PREFLIGHT_AGAIN}
    # The pods of the last update do not take part yet.
    assert base.preview(handover, other).changes >= REPLACED
    assert base.up(handover).changes == rolled
    identities = live.identities()

    preview = base.preview(handover, other)
    assert preview.changes == rolled
    message = f"Open WebUI {RELEASE} -> {OTHER_SCHEMA}: the replicas roll; the old ones stop serving when the first new"
    assert message in "\n".join(preview.text)
    # Without the key the new pods would not take part.
    assert base.preview(other).changes >= REPLACED

    for old, new in ((RELEASE, OTHER_SCHEMA), (OTHER_SCHEMA, RELEASE)):
        with versions_at_every_moment(live) as moments:
            assert base.up(handover, f"openWebui.version={new}").changes == rolled
        assert {old, new} in moments
        assert set() not in moments
    assert live.identities()["Deployment open-webui"] == identities["Deployment open-webui"]
    # Replicas of another release might serve, after a handover that failed.
    with versions_at_every_moment(live) as moments:
        assert base.up().changes >= REPLACED
    assert set() in moments
    assert live.refusals() == []


def test_a_stack_without_a_record_is_not_replaced_before_its_release_changes(base: Stack, live: Namespace) -> None:
    identities = live.identities()
    forget(base, "open-webui-release")

    # As with the first update after the program learned to record it.
    assert base.preview().changes == {"create Stash open-webui-release"}
    assert base.preview(f"openWebui.version={BESIDE}").changes >= REPLACED

    assert base.up().changes == {"create Stash open-webui-release"}
    assert base.preview(f"openWebui.version={BESIDE}").changes.isdisjoint(REPLACED)
    assert live.identities() == identities


def test_an_image_that_hides_its_release_replaces_the_deployment(base: Stack) -> None:
    preview = base.preview(f"openWebui.version={BESIDE}", f"openWebui.imageDigest=sha256:{'0' * 64}")
    assert preview.changes >= REPLACED
    assert (
        "all replicas stop before the first new one starts, because an image with a digest does not tell"
        in "\n".join(preview.text)
    )


def test_a_record_that_is_ahead_of_the_web_pods_does_not_let_them_roll(base: Stack, live: Namespace) -> None:
    unknown = "99.0.0"
    base.up(f"openWebui.version={unknown}")
    resources = base.resources()
    record, deployment = (str(resources[name]["urn"]) for name in ("Stash open-webui-release", "Deployment open-webui"))
    # As an update does that is interrupted after the record.
    base.up(f"openWebui.version={BESIDE}", target=[record])
    identities = live.identities()

    for refused in (base.preview(fails=True), base.up(fails=True)):
        assert f"Open WebUI {unknown} and {RELEASE} must not run side by side" in refused.error
        assert f"pulumi up --replace '{deployment}'" in refused.error
    assert live.identities()["Deployment open-webui"] == identities["Deployment open-webui"]
    assert base.up(replace=[deployment]).changes >= REPLACED


def test_two_releases_of_different_schemas_never_share_the_database(base: Stack, live: Namespace) -> None:
    before = live.pods("open-webui")[0].metadata.labels[VERSION_LABEL]
    release, _, patch = before.rpartition(".")
    after = f"{release}.{int(patch) + 1}"
    identities, revisions = live.identities(), live.revisions()
    replaced = {RECORD, *REPLACED, *PREFLIGHT_AGAIN}
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
