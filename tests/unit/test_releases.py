"""Which releases of Open WebUI may run side by side: the table, the decision, and what reads a release's wheel."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from pulumi import ResourceHookArgs

from components.open_webui.names import SCHEMA_UPGRADE_ANNOTATION
from components.open_webui.releases import (
    FINGERPRINT,
    PAIRS_FILE,
    RELEASES_FILE,
    ReleaseTable,
    image_change,
    image_release,
    release_table,
)
from components.open_webui.rolling_upgrade import REMEMBERED, RollingUpgrade, SideBySideError, keep_apart
from components.open_webui.settings import OpenWebUISettings
from scripts.open_webui_releases import ReleaseError, fingerprint, head_revision, packages, redis_traffic, table
from tests.support.unit.recording import Recording, run

GENERATE = "run: python -m scripts.open_webui_releases generate"
DIGEST = f"@sha256:{'0' * 64}"


def content() -> dict[str, Any]:
    return dict(json.loads(RELEASES_FILE.read_text()))


def test_the_table_has_the_default_release_and_what_a_person_has_classified() -> None:
    default = OpenWebUISettings().version
    assert default in release_table().releases, f"releases.json lacks Open WebUI {default}; {GENERATE}"
    pairs = yaml.safe_load(PAIRS_FILE.read_text())["pairs"]
    assert RELEASES_FILE.read_text() == table(content()["releases"], pairs), GENERATE


def test_every_release_has_the_whole_fingerprint() -> None:
    for release, marks in content()["releases"].items():
        assert tuple(marks) == FINGERPRINT, release


@pytest.mark.parametrize(
    ("one", "other", "rolls", "same_schema", "reason"),
    [
        ("0.12.4", "0.12.4", True, True, "the release stays the same"),
        ("0.12.1", "0.12.2", True, True, "both have schema revision 0bd252b206fb and the same code"),
        ("0.12.3", "0.12.4", True, True, "both have schema revision 0bd252b206fb; rows, keys and channels"),
        # 0.12.1 has the fingerprint of 0.12.2, which is classified.
        ("0.12.1", "0.12.3", True, True, "both have schema revision 0bd252b206fb; 0.12.3 reads the answers"),
        ("0.12.1", "0.12.4", True, True, "both have schema revision 0bd252b206fb; 0.12.4 reads the answers"),
        ("0.12.0", "0.12.1", False, False, "the schema changes from revision "),
        ("0.11.3", "0.11.4", False, True, "both have schema revision d4c1a8e37b62, but whether"),
        ("0.12.4", "99.0.0", False, False, "the schema of 99.0.0 is not known"),
        ("0.1.0", "99.0.0", False, False, "the schema of "),
    ],
)
def test_a_change_of_the_release(one: str, other: str, rolls: bool, same_schema: bool, reason: str) -> None:
    for before, after in ((one, other), (other, one)):
        change = image_change(f"w:v{before}-slim", f"mirror:5000/w:v{after}")
        assert (change.rolls, change.same_schema) == (rolls, same_schema)
        assert change.reason.startswith(reason)


def test_a_pair_that_is_classified_as_incompatible_does_not_roll() -> None:
    pair = {"releases": ["1.0.0", "1.0.1"], "together": False, "reason": "1.0.1 signs tokens differently"}
    releases = {"1.0.0": {"head": "a", "redis": "1"}, "1.0.1": {"head": "a", "redis": "2"}}
    change = ReleaseTable({"releases": releases, "pairs": [pair]}).change("1.0.1", "1.0.0")
    assert not change.rolls
    assert change.reason == "both have schema revision a; 1.0.1 signs tokens differently"


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("ghcr.io/open-webui/open-webui:v0.12.4-slim", "0.12.4"),
        ("mirror:5000/open-webui:v0.12.4", "0.12.4"),
        (f"ghcr.io/open-webui/open-webui:v0.12.4-slim{DIGEST}", None),
        ("ghcr.io/open-webui/open-webui:main", None),
        ("ghcr.io/open-webui/open-webui:v0.12.4-patched", None),
        ("ghcr.io/open-webui/open-webui", None),
    ],
)
def test_the_release_that_an_image_tells(image: str, release: str | None) -> None:
    assert image_release(image) == release


@pytest.mark.parametrize(
    ("image", "why"), [(f"w:v0.12.3{DIGEST}", "a digest"), ("w:main", "the tag main"), ("w", "without a tag")]
)
def test_an_image_that_does_not_tell_its_release_does_not_roll(image: str, why: str) -> None:
    for change in (image_change(image, "w:v0.12.4"), image_change("w:v0.12.4", image)):
        assert not change.rolls
        assert why in change.reason


@pytest.mark.parametrize(
    ("pair", "problem"),
    [
        ({"releases": ["1.0.0", "3.0.0"]}, "releases.json lacks one of them"),
        ({"releases": ["1.0.0", "1.0.1"]}, "their fingerprints are equal"),
        ({"releases": ["1.0.0", "2.0.0"]}, "their schemas differ"),
        ({"releases": ["1.0.0", "1.0.2"], "evidence": ""}, "a reason and evidence are missing"),
    ],
)
def test_an_invalid_pair_is_named(pair: dict[str, Any], problem: str) -> None:
    marks = {"1.0.0": ("a", "1"), "1.0.1": ("a", "1"), "1.0.2": ("a", "2"), "2.0.0": ("b", "1")}
    releases = {name: {"head": head, "redis": redis} for name, (head, redis) in marks.items()}
    with pytest.raises(ReleaseError, match=problem):
        table(releases, [{"together": True, "reason": "r", "evidence": "e", **pair}])


# What a wheel contains.

MIGRATION = 'revision: str = "{}"\ndown_revision = {!r}\n'
SOURCES = {
    "METADATA": "Requires-Dist: redis==8.0.1\nRequires-Dist: fastapi==1\nRequires-Dist: starsessions[redis]==2.2.1\n",
    "migrations/versions/a.py": MIGRATION.format("a", None),
    "migrations/versions/b.py": MIGRATION.format("b", "a"),
    "models/chats.py": "class Chats: ...\n",
    "utils/auth.py": "def create_token(): ...\n",
    "tasks.py": "async def stop(redis): ...\n",
    "main.py": (
        "from env import REDIS_URL\n"
        "def ready(app):\n    return app.state.redis.ping()\n"
        "def chat(request):\n    return stop_tasks(request.app.state.redis)\n"
        "class Server:\n    def key(self):\n        return REDIS_KEY_PREFIX\n    def other(self): ...\n"
    ),
    "retrieval/vector/dbs/valkey.py": "def keys(redis):\n    return redis.keys()\n",
    "routers/chats.py": "def chats(): ...\n",
}


def test_the_head_is_the_revision_that_no_other_follows() -> None:
    assert head_revision(SOURCES) == "b"
    with pytest.raises(ReleaseError, match="2 head revisions in migrations/versions/: b, c"):
        head_revision({**SOURCES, "migrations/versions/c.py": MIGRATION.format("c", "a")})
    with pytest.raises(ReleaseError, match="0 head revisions"):
        head_revision({})


def test_the_parts_on_redis_are_those_that_use_a_client_or_name_something_of_it() -> None:
    assert redis_traffic(SOURCES).keys() == {"tasks.py", "main.py::ready", "main.py::Server.key"}


def test_the_packages_are_those_on_the_wire() -> None:
    assert packages(SOURCES) == {"redis": "==8.0.1", "starsessions": "[redis]==2.2.1"}


@pytest.mark.parametrize(
    ("path", "old", "new", "member"),
    [
        ("migrations/versions/a.py", "None", "None  # edited", "schema"),
        ("models/chats.py", "...", "x = 1", "records"),
        ("utils/auth.py", "...", "return 1", "sessions"),
        ("tasks.py", "...", "await redis.get('k')", "redis"),
        ("main.py", "REDIS_KEY_PREFIX", "REDIS_KEY_PREFIX + 'k'", "redis"),
        ("METADATA", "8.0.1", "8.0.2", "packages"),
        ("routers/chats.py", "...", "return 1", None),
        ("main.py", "stop_tasks(", "stop_all_tasks(", None),
        ("METADATA", "fastapi==1", "fastapi==2", None),
    ],
)
def test_the_member_of_the_fingerprint_that_a_change_changes(path: str, old: str, new: str, member: str | None) -> None:
    assert old in SOURCES[path]
    before, after = fingerprint(SOURCES), fingerprint({**SOURCES, path: SOURCES[path].replace(old, new)})
    assert {name for name in FINGERPRINT if before[name] != after[name]} == ({member} if member else set())


# What the program does with it; on the real engine: tests/engine/test_stack_version.py.


def test_the_release_is_recorded_after_the_preflight_and_before_the_web_pods(recording: Recording) -> None:
    record, deployment = recording.one("Stash", REMEMBERED), recording.one("Deployment", "open-webui")
    version = OpenWebUISettings().version
    assert record.inputs["input"] == {"version": version, "image": f"ghcr.io/open-webui/open-webui:v{version}-slim"}
    assert recording.one("Job", "open-webui-preflight").urn in recording.waits_for(record)
    assert record.urn in recording.waits_for(deployment)
    assert deployment.replace_on_changes == ('metadata.labels["app.kubernetes.io/version"]',)
    assert deployment.delete_before_replace


HANDOVER = {SCHEMA_UPGRADE_ANNOTATION: "handover"}
"""Of a Deployment whose pods take part in handovers, and in the record of its release."""


def rolls(
    before: str,
    after: str,
    digest: str = "",
    *,
    of_old: Mapping[str, str] | None = None,
    of_new: Mapping[str, str] | None = None,
) -> bool:
    old, new = ({"version": version, "image": f"w:v{version}{digest}"} for version in (before, after))
    upgrade = RollingUpgrade(None, OpenWebUISettings(version=after))
    upgrade.compare({**old, **(of_old or {})}, {**new, **(of_new or {})})
    return upgrade.rolls


def test_the_record_lets_the_deployment_roll_between_releases_that_may_run_side_by_side() -> None:
    assert rolls("0.12.3", "0.12.4")
    assert not rolls("0.12.0", "0.12.4")
    assert not rolls("0.12.4", "99.0.0")
    assert not rolls("0.12.3", "0.12.4", DIGEST)


def test_it_rolls_across_a_schema_only_if_old_and_new_pods_take_part_in_handovers() -> None:
    for before, after in (("0.12.0", "0.12.4"), ("0.12.4", "0.12.0")):
        assert rolls(before, after, of_old=HANDOVER, of_new=HANDOVER)
        assert not rolls(before, after, of_new=HANDOVER)
        assert not rolls(before, after, of_old=HANDOVER)
    # The servers know their schema by its revision, which must be known to differ.
    for before, after, digest in (("0.11.3", "0.11.4", ""), ("0.12.4", "99.0.0", ""), ("0.12.0", "0.12.4", DIGEST)):
        assert not rolls(before, after, digest, of_old=HANDOVER, of_new=HANDOVER)


def test_an_update_that_turns_handovers_off_stops_all_replicas() -> None:
    """After a handover that failed, servers of 0.12.0 serve under a Deployment of 0.12.4: a roll would migrate beside
    them."""
    label = 'metadata.labels["app.kubernetes.io/version"]'
    for version in ("0.12.4", "0.12.3"):
        upgrade = RollingUpgrade(None, OpenWebUISettings(version="0.12.4"))
        facts = {"version": "0.12.4", "image": "w:v0.12.4"}
        upgrade.compare({"version": version, "image": f"w:v{version}", **HANDOVER}, facts)
        assert (upgrade.rolls, upgrade.replaced_on) == (False, ["*"])
        # Turned on, or without them, nothing is different.
        for annotations in (HANDOVER, {}):
            upgrade.compare({"version": version, "image": f"w:v{version}"}, {**facts, **annotations})
            assert upgrade.replaced_on == ([] if version == "0.12.3" else [label])


def test_the_program_records_handovers_and_gives_the_containers_what_they_need() -> None:
    plain, deployed = run("prod"), run("prod", ["openWebui.schemaUpgrade=handover", "postgresql.maxConnections=460"])
    assert SCHEMA_UPGRADE_ANNOTATION not in plain.one("Stash", REMEMBERED).inputs["input"]
    assert "annotations" not in plain.one("Deployment", "open-webui").inputs["metadata"]
    assert (
        deployed.one("Stash", REMEMBERED).inputs["input"] | HANDOVER
        == deployed.one("Stash", REMEMBERED).inputs["input"]
    )
    assert deployed.one("Deployment", "open-webui").inputs["metadata"]["annotations"] == HANDOVER
    for container in ("open-webui", "migrate"):
        added = variables(deployed, container).items() - variables(plain, container).items()
        waits = {
            ("MIGRATE_HANDOVER_SECONDS", "180"),
            ("MIGRATE_NOTICE_SECONDS", "15"),
            ("MIGRATE_LOCK_WAIT_SECONDS", "3840"),
        }
        assert added == {("SCHEMA_UPGRADE", "handover"), *(waits if container == "migrate" else ())}


def variables(deployed: Recording, container: str) -> dict[str, str]:
    """The plain variables of a container of the web pods."""
    return {v["name"]: v["value"] for v in deployed.containers[f"open-webui/{container}"]["env"] if "value" in v}


def update(
    before: str, after: str, of_old: Mapping[str, str] | None = None, of_new: Mapping[str, str] | None = None
) -> ResourceHookArgs:
    old, new = (
        {"metadata": {"labels": {"app.kubernetes.io/version": version}, "annotations": annotations}}
        for version, annotations in ((before, of_old), (after, of_new))
    )
    return ResourceHookArgs(urn="urn:d", id="1", name="open-webui", type="d", old_inputs=old, new_inputs=new)


def adopted(image: str, after: str) -> ResourceHookArgs:
    """An update of a Deployment that was made manually, without the label."""
    args = update("", after)
    containers = [{"name": "proxy", "image": "p:v1.0.0"}, {"name": "open-webui", "image": image}]
    args.old_inputs = {"metadata": {"name": "open-webui"}, "spec": {"template": {"spec": {"containers": containers}}}}
    return args


def test_an_update_of_the_deployment_across_a_schema_is_refused() -> None:
    keep_apart(update("0.12.4", "0.12.4"))
    keep_apart(update("0.12.4", "0.12.3"))
    keep_apart(update("99.0.0", "99.0.0"))
    for image in ("w:v0.12.4", "w:main", f"w:v0.12.0{DIGEST}", "w:v0.12.1-slim"):
        keep_apart(adopted(image, "0.12.4"))
    keep_apart(update("0.12.0", "0.12.4", HANDOVER, HANDOVER))
    for of_old, of_new in ((None, HANDOVER), (HANDOVER, None), (HANDOVER, {SCHEMA_UPGRADE_ANNOTATION: "replace"})):
        with pytest.raises(SideBySideError, match=r"0\.12\.0 and 0\.12\.4 must not"):
            keep_apart(update("0.12.0", "0.12.4", of_old, of_new))
    with pytest.raises(SideBySideError, match=r"0\.12\.0 and 0\.12\.4 must not"):
        keep_apart(adopted("w:v0.12.0", "0.12.4"))
    with pytest.raises(SideBySideError, match=r"0\.12\.0 and 0\.12\.4 must not .* pulumi up --replace 'urn:d'"):
        keep_apart(update("0.12.0", "0.12.4"))


def test_an_update_of_the_deployment_that_turns_handovers_off_is_refused() -> None:
    """It is a replacement, unless an earlier update has recorded the change and ended before the Deployment."""
    for before in ("0.12.4", "0.12.3"):
        with pytest.raises(SideBySideError, match=r"after a handover that failed.* pulumi up --replace 'urn:d'"):
            keep_apart(update(before, "0.12.4", HANDOVER, None))
        keep_apart(update(before, "0.12.4", HANDOVER, HANDOVER))
        keep_apart(update(before, "0.12.4", None, HANDOVER))
