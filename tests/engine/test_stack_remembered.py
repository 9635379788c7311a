"""What stored data was made with: a change that it cannot follow is refused by the preview and by the update."""

from tests.support.engine.stack import Namespace, Stack, StackFactory
from tests.support.engine.state import forget
from tests.support.previews import REDIS_VOLUME, assert_recorded, slim

pytest_plugins = ("tests.support.engine.stack_fixtures",)

OTHER_MAJOR = "postgresql.image=pgvector/pgvector:pg18"
FROM_THE_PRESENT = "postgresql.upgrade.fromImage=pgvector/pgvector:pg17"
SAME_MAJOR = "postgresql.image=pgvector/pgvector:0.8.0-pg17"


def stash(stack: Stack, name: str) -> str:
    """URN of what is remembered under that name."""
    return str(stack.resources()[f"Stash {name}"]["urn"])


def test_another_major_version_of_postgresql_is_refused_before_anything_changes(base: Stack, live: Namespace) -> None:
    identities, revisions = live.identities(), live.revisions()
    urn = stash(base, "postgresql-data")

    for refused in (base.preview(OTHER_MAJOR, fails=True), base.up(OTHER_MAJOR, fails=True)):
        assert "postgresql.image: the stored database is of PostgreSQL 17" in refused.error
        assert "pulumi config set --path postgresql.image pgvector/pgvector:pg17" in refused.error
        assert f"pulumi up --replace '{urn}'" in refused.error

    assert (live.identities(), live.revisions()) == (identities, revisions)
    # Back to the version that the files are of: nothing is left of the attempt.
    assert base.up().changes <= {"update Stash postgresql-data"}
    assert live.revisions() == revisions


def init_containers(live: Namespace) -> list[tuple[str, str]]:
    """Names and images of the init containers of the database's pod, as the API server has them."""
    [pod] = live.pods("postgres")
    return [(container.name, container.image) for container in pod.spec.init_containers]


def test_an_upgrade_of_postgresql_and_its_undoing_are_allowed(base: Stack, live: Namespace) -> None:
    old, new = "pgvector/pgvector:pg17", "pgvector/pgvector:pg18"
    # Of another release than the data.
    wrong = base.preview(OTHER_MAJOR, "postgresql.upgrade.fromImage=pgvector/pgvector:pg16", fails=True)
    assert "postgresql.upgrade.fromImage with an image of PostgreSQL 17" in wrong.error

    upgrade = base.up(OTHER_MAJOR, FROM_THE_PRESENT)

    assert {"update Stash postgresql-data", "update StatefulSet postgres"} <= upgrade.changes
    assert init_containers(live)[:2] == [("dump", old), ("prepare", new)]
    # The data are of the new release: without the key the pod starts on them, and the old release is refused.
    assert "update StatefulSet postgres" in base.up(OTHER_MAJOR).changes
    assert init_containers(live)[:1] == [("prepare", new)]
    assert "postgresql.upgrade.undo 18" in base.preview(fails=True).error
    base.up("postgresql.upgrade.undo=18")
    assert init_containers(live)[:1] == [("prepare", old)]
    base.up()


def test_other_dimensions_are_refused_in_the_preview(base: Stack) -> None:
    refused = base.preview("openWebui.documents.dimensions=3072", fails=True)
    assert "openWebui.documents.dimensions: the documents are stored with 1536 dimensions" in refused.error


def test_the_same_major_version_is_allowed_and_remembered(base: Stack) -> None:
    assert "update Stash postgresql-data" in base.preview(SAME_MAJOR).changes


def test_what_is_gone_can_be_forgotten(base: Stack) -> None:
    run = base.preview(OTHER_MAJOR, replace=[stash(base, "postgresql-data")])
    assert "create-replacement Stash postgresql-data" in run.changes


def test_another_engine_on_a_volume_of_redis_is_refused_before_anything_changes(new_stack: StackFactory) -> None:
    stack = new_stack("dev", "namespace=redis-volume", "redis.durability=volume", "redis.engine=valkey")
    stack.up()
    # Redis reads what Valkey 8.1 wrote; what Redis writes from then on, Valkey does not read.
    stack.sets.remove("redis.engine=valkey")
    assert "update Stash redis-data" in stack.up().changes
    live = Namespace(stack.cluster, "redis-volume")
    identities, revisions = live.identities(), live.revisions()

    for refused in (stack.preview("redis.engine=valkey", fails=True), stack.up("redis.engine=valkey", fails=True)):
        assert "redis.engine: the volume holds files of Redis 7.4, which Valkey 8.1 does not read" in refused.error
        assert "pulumi config set --path redis.engine redis" in refused.error

    assert (live.identities(), live.revisions()) == (identities, revisions)
    assert_recorded_with_a_volume(stack, "redis-volume-memory")
    # Without a record the program does not refuse it: the gate does, from the preview.
    forget(stack, "redis-data")
    assert_recorded_with_a_volume(stack, "redis-volume-engine")
    stack.destroy()


def assert_recorded_with_a_volume(stack: Stack, name: str) -> None:
    assert_recorded(name, slim(stack.preview_as_json(*REDIS_VOLUME[name]), stack.cluster.context))
