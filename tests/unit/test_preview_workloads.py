"""What a preview says about versions, requests and pods that go."""

from typing import Any

import pytest

from components.open_webui.names import SCHEMA_UPGRADE_ANNOTATION
from stackctl.gate.requested import requested
from stackctl.gate.rollouts import rollouts
from stackctl.gate.versions import version_changes
from tests.support.unit.preview_steps import DEPLOYMENT, deployment, gate, parsed, step


def image(name: str, before: str, after: str, kind: str = "Deployment") -> dict[str, Any]:
    states = []
    for tagged in (before, after):
        state = deployment(kind=kind)
        state["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": tagged}]
        states.append(state)
    return step("update", f"kubernetes:apps/v1:{kind}::{name}", *states)


@pytest.mark.parametrize(
    ("name", "before", "after", "named", "blocked"),
    [
        ("open-webui", "ghcr.io/x/open-webui:v0.12.4-slim", "mirror:5000/w:v0.13.0-slim", ("0.12.4", "0.13.0"), None),
        ("open-webui", "w:v0.12.4", "w:v0.9.9", ("0.12.4", "0.9.9"), "downgrade"),
        ("open-webui", "w:v0.12.4", "w:v0.12.1", ("0.12.4", "0.12.1"), None),
        ("open-webui", "w:v0.12.4-slim", "w:v0.12.4", None, None),
        ("open-webui", "w:v0.12.4", "w:main", ("0.12.4", "main"), None),
        ("postgres", "pgvector/pgvector:pg17", "pgvector/pgvector:pg18", ("pg17", "pg18"), "major"),
        ("postgres", "pgvector/pgvector:0.8.0-pg17", "pgvector/pgvector:0.8.1-pg18-trixie", ..., "major"),
        ("postgres", "pgvector/pgvector:pg17", "pgvector/pgvector:0.8.1-pg17", ("pg17", "0.8.1-pg17"), None),
        ("postgres", "postgres:17.2", "postgres:17.5-trixie", ("17.2", "17.5-trixie"), None),
        ("postgres", "postgres:17.2", "postgres:18", ("17.2", "18"), "major"),
        ("postgres", "postgres:17", "mirror.example.com/postgres:17", None, None),
        ("postgres", "postgres:17", "postgres:latest", ("17", "latest"), "major"),
        ("postgres", "postgres:17", "postgres@sha256:0", ("17", "postgres@sha256:0"), "major"),
        ("redis", "redis:7", "redis:8", None, None),
        ("open-webui", "w:main", "w:v0.12.4", ("main", "0.12.4"), None),
        ("postgres", "postgres:latest", "mirror.example.com/postgres:latest", ("latest", "latest"), "major"),
        ("postgres", "postgres:latest", "postgres:main", ("latest", "main"), "major"),
    ],
)
def test_versions(name: str, before: str, after: str, named: Any, blocked: str | None) -> None:
    seen = version_changes(parsed(image(name, before, after)))
    if named is None:
        assert seen == []
    else:
        [version] = seen
        assert named in (..., (version.before, version.after))
        assert version.blocked_as == blocked
    labels = [finding.label for finding in gate(image(name, before, after), production=False)]
    assert labels == ([f"allow-{blocked}:prod/{name}"] if blocked else [])


@pytest.mark.parametrize(
    ("name", "before", "after", "product", "note"),
    [
        ("open-webui", "w:v0.12.3", "w:v0.12.4", "Open WebUI", "the pods roll, and requests are served throughout"),
        ("open-webui", "w:v0.12.4", "w:v99.0.0", "Open WebUI", "two versions would run side by side, which they must"),
        ("postgres", "p:17.2", "p:17.5", "PostgreSQL", "the database restarts"),
        ("postgres", "p:17", "p:18", "PostgreSQL", "another major version refuses the files"),
        ("postgres", "p:17", "p:main", "PostgreSQL", "the major version cannot be told"),
        ("postgres", "p:17", "[secret]", "PostgreSQL", "the preview hides the image"),
        ("open-webui", "[secret]", "w:v0.12.4", "Open WebUI", "the preview hides the image"),
    ],
)
def test_what_another_version_means(name: str, before: str, after: str, product: str, note: str) -> None:
    [version] = version_changes(parsed(image(name, before, after)))
    assert version.product == product
    assert version.note.startswith(note)


@pytest.mark.parametrize(
    ("modes", "note"),
    [
        (("handover", "handover"), "the pods roll, and the old ones stop serving when a new one is ready to migrate"),
        (("handover", "replace"), "two versions would run side by side, which they must not"),
        ((None, "handover"), "two versions would run side by side, which they must not"),
    ],
)
def test_what_a_change_of_the_schema_does_to_pods_that_take_part_in_handovers(
    modes: tuple[str | None, str], note: str
) -> None:
    made = image("open-webui", "w:v0.12.0", "w:v0.12.1")
    for state, mode in zip(("oldState", "newState"), modes, strict=True):
        annotations = {SCHEMA_UPGRADE_ANNOTATION: mode} if mode else {}
        made[state]["inputs"]["metadata"] = {**made[state]["inputs"].get("metadata", {}), "annotations": annotations}
    [version] = version_changes(parsed(made))
    assert version.note.startswith(f"{note}, because the schema changes from ")
    assert version.note.endswith("; make a dump before")


UNKNOWN = "every pod stops before the first new one starts, because the schema of {} is not known; "


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ("w:v0.12.4", "w:v99.0.0", UNKNOWN.format("99.0.0") + "make a dump before"),
        (
            "w:v0.12.4",
            "w:v0.1.0",
            UNKNOWN.format("0.1.0") + "an older version refuses a database that a newer one has ",
        ),
        ("w:v0.12.3", "w:v0.12.4", "every pod stops before the first new one starts, because the state has no record"),
        ("w:v0.12.0", "w:v0.12.1", "every pod stops before the first new one starts, because the schema changes from "),
        ("w:v0.12.3", f"w:v0.12.4@sha256:{'0' * 64}", "every pod stops before the first new one starts, because an "),
    ],
)
def test_why_another_version_of_open_webui_stops_every_pod(before: str, after: str, note: str) -> None:
    [version] = version_changes(parsed({**image("open-webui", before, after), "op": "replace"}))
    assert version.note.startswith(note)


@pytest.mark.parametrize("names", [("postgres", "other"), ("other", "postgres")])
def test_a_container_that_comes_or_goes_has_no_other_version(names: tuple[str, str]) -> None:
    made = image("postgres", "p:17", "p:18")
    for state, name in zip(("oldState", "newState"), names, strict=True):
        made[state]["inputs"]["spec"]["template"]["spec"]["containers"][0]["name"] = name
    assert version_changes(parsed(made)) == []


@pytest.mark.parametrize(("name", "blocked"), [("open-webui", "downgrade"), ("postgres", "major")])
@pytest.mark.parametrize("part", ["image", "containers", "spec"])
@pytest.mark.parametrize("value", ["[secret]", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"])
def test_a_version_that_the_preview_hides_is_stopped(name: str, blocked: str, part: str, value: str) -> None:
    """One secret in a list makes the whole list secret, the images too."""
    made = image(name, f"{name}:17.0.0", f"{name}:18.0.0")
    pod = made["newState"]["inputs"]["spec"]["template"]["spec"]
    if part == "image":
        pod["containers"][0]["image"] = value
    elif part == "containers":
        pod["containers"] = value
    else:
        made["newState"]["inputs"]["spec"] = value
    [version] = version_changes(parsed(made))
    assert (version.before, version.after, version.blocked_as) == ("17.0.0", "(hidden)", blocked)
    assert f"allow-{blocked}:prod/{name}" in [finding.label for finding in gate(made, production=False)]


def test_requests_count_replicas_and_the_larger_of_init_and_ordinary_containers() -> None:
    def asks(cpu: str, **more: Any) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}, **more}

    state = deployment(2)
    spec = state["spec"]["template"]["spec"]
    spec["containers"] = [asks("100m"), asks("200m")]
    spec["initContainers"] = [asks("1"), asks("50m", restartPolicy="Always"), asks("250m")]
    state["spec"]["volumeClaimTemplates"] = [{"spec": {"resources": {"requests": {"storage": "5Gi"}}}}]
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    steps = [
        step("create", "kubernetes:apps/v1:StatefulSet::web", after=state),
        step("delete", "kubernetes:core/v1:PersistentVolumeClaim::c", claim),
    ]
    before, after = requested(parsed(*steps))
    assert before.cpu == 0
    assert before.storage == 2**30
    # The first init container is alone; then one stays beside the ordinary ones: max(1, 0.05 + 0.25, 0.05 + 0.3).
    assert after.cpu == 2
    assert after.memory == 2 * 3 * 2**30
    assert after.storage == 2 * 5 * 2**30


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            [step("update", DEPLOYMENT, deployment(4), deployment(4, image="x:2"))],
            (4, "up to 1 unavailable at a time", True),
        ),
        ([step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))], (3, "each one is replaced", True)),
        ([step("update", DEPLOYMENT, deployment(1), deployment(1, image="x:2"))], (1, "each one is replaced", True)),
        (
            [step("update", DEPLOYMENT, deployment(3), deployment(3, "x:2", strategy={"type": "Recreate"}))],
            (3, "all at once", False),
        ),
        ([step("replace", DEPLOYMENT, deployment(3), deployment(3))], (3, "all stop", False)),
        ([step("delete", DEPLOYMENT, deployment(3))], (3, "all are removed", False)),
        ([step("update", DEPLOYMENT, deployment(3), deployment(2))], (1, "removed", True)),
        ([step("update", DEPLOYMENT, deployment(3), deployment(0))], (3, "removed", False)),
    ],
)
def test_which_pods_go_and_whether_requests_are_served(steps: list[Any], expected: tuple[int, str, bool]) -> None:
    [rollout] = rollouts(parsed(*steps))
    pods, how, served = expected
    assert rollout.pods == pods
    assert how in rollout.how
    assert (rollout.interruption is None) is served


def redis(
    image: str = "redis:7.4-alpine",
    *,
    volume: dict[str, Any] | None = None,
    templates: tuple[str, ...] = (),
    mounts: tuple[tuple[str, str], ...] = (("data", "/data"),),
    engine: str = "redis",
    **spec: Any,
) -> dict[str, Any]:
    """A workload of one Redis, whose volume `data` is that one, or made from a template."""
    state = deployment(1, strategy={"type": "Recreate"}, **spec)
    state["metadata"]["name"] = "redis"
    state["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": name}} for name in templates]
    state["spec"]["template"]["spec"] = {
        "containers": [
            {
                "name": "redis",
                "image": image,
                "command": [f"{engine}-server", "/etc/redis/redis.conf"],
                "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts],
            }
        ],
        "volumes": [{"name": "data", **volume}] if volume else [],
    }
    return state


REDIS = "kubernetes:apps/v1:Deployment::redis"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim::redis-data"
VOLUME = {"persistentVolumeClaim": {"claimName": "redis-data"}}
MEMORY: dict[str, Any] = {"emptyDir": {}}
DELETED: Any = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
EMPTY, WITH_DATA = "Redis restarts empty", "Redis restarts with the data on its volume"


@pytest.mark.parametrize(
    ("operation", "before", "after", "others", "says"),
    [
        ("update", redis(), redis("redis:8"), [], EMPTY),
        ("update", redis(volume=MEMORY), redis("redis:8", volume=MEMORY), [], EMPTY),
        ("update", redis(volume=VOLUME), redis("redis:8", volume=VOLUME), [], WITH_DATA),
        ("replace", redis(volume=VOLUME), redis(volume=VOLUME), [], WITH_DATA),
        ("update", redis(volume=VOLUME), redis(volume=MEMORY), [], EMPTY),
        ("update", redis(volume=MEMORY), redis(volume=VOLUME), [], EMPTY),
        ("replace", redis(volume=VOLUME), redis(volume=VOLUME), [step("replace", CLAIM, {"a": 1}, {"a": 2})], EMPTY),
        ("replace", redis(templates=("data",)), redis("x:8", templates=("data",)), [], WITH_DATA),
        ("replace", redis(templates=("data",), **DELETED), redis("x:8", templates=("data",)), [], EMPTY),
        # The volume of a cluster member without durability holds its identity, not the data.
        (
            "replace",
            redis(templates=("node",), mounts=(("node", "/var/lib/redis-node"),)),
            redis("x:8", templates=("node",), mounts=(("node", "/var/lib/redis-node"),)),
            [],
            EMPTY,
        ),
        ("delete", redis(volume=VOLUME), None, [], "no pod remains"),
    ],
)
def test_what_a_restart_of_redis_means_follows_from_its_volumes(
    operation: str, before: dict[str, Any], after: dict[str, Any] | None, others: list[Any], says: str
) -> None:
    [rollout] = rollouts(parsed(step(operation, REDIS, before, after), *others))
    assert rollout.interruption is not None
    assert rollout.interruption.startswith(says)


@pytest.mark.parametrize(
    ("before", "after", "named", "note", "blocked"),
    [
        # Files on a volume.
        (redis(volume=VOLUME), redis("redis:7.4.2", volume=VOLUME), ("7.4-alpine", "7.4.2"), "it reads", None),
        (redis(volume=VOLUME), redis("redis:8.2", volume=VOLUME), ("7.4-alpine", "8.2"), "a new major", "major"),
        (redis(volume=VOLUME), redis("redis:7.0", volume=VOLUME), ("7.4-alpine", "7.0"), "the volume", "downgrade"),
        (redis(volume=VOLUME), redis("redis:latest", volume=VOLUME), ("7.4-alpine", "latest"), "the tag", "major"),
        (
            redis(volume=VOLUME),
            redis("valkey/valkey:8.1", volume=VOLUME, engine="valkey"),
            ("redis 7.4-alpine", "valkey 8.1"),
            "the volume holds files of Redis 7.4, which Valkey 8.1 does not read",
            "major",
        ),
        (
            redis("valkey/valkey:8.1", volume=VOLUME, engine="valkey"),
            redis(volume=VOLUME),
            ("valkey 8.1", "redis 7.4-alpine"),
            "another engine",
            "major",
        ),
        # An image of any name: the command says which engine it is.
        (
            redis("m/cache:7.4", volume=VOLUME),
            redis("m/cache:8.1", volume=VOLUME, engine="valkey"),
            ...,
            "the",
            "major",
        ),
        # No data is kept.
        (redis(), redis("valkey/valkey:8.1", engine="valkey"), None, "", None),
        (redis(volume=MEMORY), redis("redis:8.2", volume=MEMORY), None, "", None),
        (redis(volume=VOLUME), redis("valkey/valkey:8.1", volume=MEMORY, engine="valkey"), None, "", None),
        # The same image from another registry.
        (redis(volume=VOLUME), redis("mirror:5000/redis:7.4-alpine", volume=VOLUME), None, "", None),
    ],
)
def test_another_server_on_the_data_of_redis(
    before: dict[str, Any], after: dict[str, Any], named: Any, note: str, blocked: str | None
) -> None:
    change = step("update", REDIS, before, after)
    seen = version_changes(parsed(change))
    assert len(seen) == (named is not None)
    assert named in (None, ..., *((version.before, version.after) for version in seen))
    assert all(version.note.startswith(note) and version.blocked_as == blocked for version in seen)
    labels = [each.label for each in gate(change, production=False) if each.label and "detach" not in each.label]
    assert labels == ([f"allow-{blocked}:prod/redis"] if blocked else [])
