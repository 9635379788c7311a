"""What is remembered of stored data: who depends on it, what the judge gets, what the report says."""

from typing import Any

import pytest
from pulumi import ResourceHookArgs

from components.finding import Finding
from components.postgresql.stored_data import refused_image, stored_data
from components.remembered import Facts, RefusedChangeError, compare

from .recording import Recording

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
    finding = refused_image(stored_data(before), stored_data(after))
    assert (finding is not None) is refused
    if finding:
        assert finding.commands == (f"pulumi config set --path postgresql.image {before}",)
