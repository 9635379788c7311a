"""Remembered facts about stored data: the resources that depend on them, the input of the judge, the report."""

from typing import Any

import pytest
from pulumi import ResourceHookArgs

from components.blocks.finding import Finding
from components.blocks.remembered import Facts, RefusedChangeError, compare
from components.postgresql.stored_data import refused_image
from components.redis.server.stored_data import refused_server
from tests.support.unit.recording import Recording, run

URN = "urn:pulumi:dev::open-webui-stack::pulumi:index:Stash::data"


def change(before: dict[str, Any], after: dict[str, Any]) -> ResourceHookArgs:
    return ResourceHookArgs(
        urn=URN,
        id="1",
        name="data",
        type="pulumi:index:Stash",
        old_inputs={"input": before},
        new_inputs={"input": after},
    )


def test_the_database_is_updated_only_when_its_facts_are(recording: Recording) -> None:
    stash = recording.one("Stash", "postgresql-data")
    assert stash.inputs["input"] == {"image": "pgvector/pgvector:pg17"}
    assert stash.urn in recording.waits_for(recording.one("StatefulSet", "postgres"))


def test_the_judge_gets_both_and_its_refusal_is_reported_with_the_way_out() -> None:
    seen: list[tuple[Facts, Facts]] = []

    def judge(before: Facts, after: Facts) -> Finding:
        seen.append((before, after))
        return Finding(key="a.b", value="2", message="cannot be", allowed="1", commands=("pulumi config set a 1",))

    with pytest.raises(RefusedChangeError) as refused:
        compare(change({"v": "1"}, {"v": "2"}), judge)
    assert seen == [({"v": "1"}, {"v": "2"})]
    for part in ("a.b: cannot be", "value:    2", "pulumi config set a 1", f"pulumi up --replace '{URN}'"):
        assert part in str(refused.value)


def test_an_allowed_change_raises_nothing() -> None:
    compare(change({"v": "1"}, {"v": "2"}), lambda _before, _after: None)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("pgvector/pgvector:pg17", "pgvector/pgvector:pg18", True),
        ("pgvector/pgvector:pg18", "registry:5000/mirror:0.8.0-pg17-trixie", True),
        ("postgres:17.2", "pgvector/pgvector:pg17", False),
        ("pgvector/pgvector:pg17", f"pgvector/pgvector@sha256:{'0' * 64}", False),
    ],
)
def test_another_major_version_of_postgresql(before: str, after: str, refused: bool) -> None:
    finding = refused_image({"image": before}, {"image": after})
    assert (finding is not None) is refused
    if finding:
        assert finding.commands == (f"pulumi config set --path postgresql.image {before}",)


DIGEST = f"pgvector/pgvector@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("before", "after", "key", "value", "refused"),
    [
        ("pgvector/pgvector:pg17", "pgvector/pgvector:pg18", "upgradeFrom", "mirror:5000/pgvector:pg17-trixie", False),
        ("pgvector/pgvector:pg17", "pgvector/pgvector:pg18", "upgradeFrom", DIGEST, False),
        # The volume has data of another release than the one that would dump them.
        ("pgvector/pgvector:pg17", "pgvector/pgvector:pg18", "upgradeFrom", "pgvector/pgvector:pg16", True),
        # A dump of the new release does not fit into the old one.
        ("pgvector/pgvector:pg18", "pgvector/pgvector:pg17", "upgradeFrom", "pgvector/pgvector:pg18", True),
        ("pgvector/pgvector:pg18", "pgvector/pgvector:pg17", "upgradeUndo", "18", False),
        ("pgvector/pgvector:pg18", "pgvector/pgvector:pg16", "upgradeUndo", "17", True),
    ],
)
def test_an_upgrade_of_postgresql_and_its_undoing(before: str, after: str, key: str, value: str, refused: bool) -> None:
    finding = refused_image({"image": before}, {"image": after, key: value})
    assert (finding is not None) is refused


def test_what_the_volume_holds_is_remembered_with_the_way_to_another_release() -> None:
    upgrading = run("dev", ["postgresql.image=postgres:18", "postgresql.upgrade.fromImage=postgres:17"])
    facts = {"image": "postgres:18", "upgradeFrom": "postgres:17"}
    assert upgrading.one("Stash", "postgresql-data").inputs["input"] == facts
    undoing = run("dev", ["postgresql.upgrade.undo=18"])
    facts = {"image": "pgvector/pgvector:pg17", "upgradeUndo": "18"}
    assert undoing.one("Stash", "postgresql-data").inputs["input"] == facts


def facts(image: str, engine: str = "redis", kept: str = "files") -> Facts:
    return {"engine": engine, "image": image, "kept": kept}


REDIS_7_4, VALKEY_8_1 = facts("redis:7.4-alpine"), facts("valkey/valkey:8.1-alpine", "valkey")


@pytest.mark.parametrize(
    ("before", "after", "refused_key"),
    [
        (REDIS_7_4, VALKEY_8_1, "redis.engine"),
        (VALKEY_8_1, REDIS_7_4, None),
        (REDIS_7_4, facts("registry:5000/redis:8.2.3"), None),
        (facts("redis:8.2"), REDIS_7_4, "redis.image"),
        (REDIS_7_4, facts("redis:7.2"), "redis.image"),
        (VALKEY_8_1, facts("valkey/valkey:9.1", "valkey"), None),
        (facts("valkey/valkey:9.1", "valkey"), VALKEY_8_1, "redis.image"),
        (REDIS_7_4, facts(f"redis@sha256:{'0' * 64}"), None),
        (facts(f"redis@sha256:{'0' * 64}"), VALKEY_8_1, "redis.engine"),
        (facts("redis:7.4", kept="replicas"), facts("valkey/valkey:8.1", "valkey", "replicas"), "redis.engine"),
    ],
)
def test_another_server_of_redis(before: Facts, after: Facts, refused_key: str | None) -> None:
    finding = refused_server(before, after)
    assert (finding.key if finding else None) == refused_key
    if finding:
        assert finding.commands[-1] == f"pulumi config set --path redis.image {before['image']}"


@pytest.mark.parametrize(
    ("sets", "workload"),
    [
        (("redis.durability=volume",), "StatefulSet"),
        (("redis.topology=sentinel",), "StatefulSet"),
        (("redis.topology=cluster",), "StatefulSet"),
        (("redis.durability=none",), None),
    ],
)
def test_redis_is_remembered_where_other_servers_read_what_it_wrote(
    sets: tuple[str, ...], workload: str | None
) -> None:
    recording = run("prod", sets)
    stashes = [r for r in recording.resources if r.kind == "Stash" and r.name == "redis-data"]
    assert bool(stashes) is (workload is not None)
    if workload:
        assert stashes[0].urn in recording.waits_for(recording.one(workload, "redis"))
