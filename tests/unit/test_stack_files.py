"""Config files and `--set`, read without the CLI."""

import json
from pathlib import Path

import pytest

from stack_config.files import ENCRYPTED, StackFileError, read_stack, set_path, stack_file_text

PROJECT_FILE = (
    "name: app\nruntime: python\nconfig:\n  size: {type: integer, default: 3}\n  redis: {type: object, default: {}}\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT_FILE)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  app:redis:\n    a: 1\n  app:key:\n    secure: v1:abc\n")
    return tmp_path


def test_the_stacks_file_is_laid_over_the_projects_defaults(project: Path) -> None:
    config = read_stack("dev", root=project)
    assert config.values["app:size"] == "3"
    assert json.loads(config.values["app:redis"]) == {"a": 1}


def test_an_encrypted_value_is_known_as_one_and_not_read(project: Path) -> None:
    config = read_stack("dev", root=project)
    assert config.secret_keys == {"app:key"}
    assert config.values["app:key"] == ENCRYPTED


def test_an_unknown_environment_names_those_there_are(project: Path) -> None:
    with pytest.raises(StackFileError, match=r"Pulumi.staging.yaml does not exist. Environments: dev"):
        read_stack("staging", root=project)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("size=4", {"app:size": "4"}),
        ("redis.a=2", {"app:redis": {"a": 2}}),
        ("redis.b.c=true", {"app:redis": {"a": 1, "b": {"c": True}}}),
        ("redis.b=007", {"app:redis": {"a": 1, "b": "007"}}),
        ("redis.list[0]=x", {"app:redis": {"a": 1, "list": ["x"]}}),
        ('redis["x.y/z"]=1', {"app:redis": {"a": 1, "x.y/z": 1}}),
        ("redis.text=a=b", {"app:redis": {"a": 1, "text": "a=b"}}),
        ("other:key=1", {"app:redis": {"a": 1}, "other:key": "1"}),
    ],
)
def test_a_set_changes_one_value(assignment: str, expected: dict[str, object]) -> None:
    values: dict[str, object] = {"app:redis": {"a": 1}}
    set_path(values, assignment, "app")
    assert values == {"app:redis": {"a": 1}, **expected}


@pytest.mark.parametrize("assignment", ["redis", "=1", "redis.a.b=1", "redis.list[3]=1", "redis..a=1"])
def test_a_set_that_cannot_be_read_is_named(assignment: str) -> None:
    with pytest.raises(StackFileError, match="--set"):
        set_path({"app:redis": {"a": 1, "list": []}}, assignment, "app")


def test_what_is_said_of_a_set_does_not_repeat_its_value() -> None:
    with pytest.raises(StackFileError, match=r"--set redis.a.password=\.\.\.: cannot set password") as error:
        set_path({"app:redis": {"a": 1}}, "redis.a.password=hunter2", "app")
    assert "hunter2" not in str(error.value)


def test_a_text_that_looks_like_something_else_is_still_one_in_a_written_file(project: Path) -> None:
    texts = [
        "no",
        "1e3",
        "0o17",
        "010",
        "1_000",
        "~",
        "2026-01-31",
        "",
        " a",
        "a: b",
        "ä",
        "\U0001f600",
        "a\nb",
        '"',
        "3",
        "true",
    ]
    (project / "Pulumi.dev.yaml").write_text(
        stack_file_text({"app:redis": {"texts": texts, "number": 3, "none": None}})
    )
    values = json.loads(read_stack("dev", root=project).values["app:redis"])
    assert values == {"texts": texts, "number": 3, "none": None}
