"""`make manifests`: objects as files, nothing secret in them."""

from pathlib import Path

import pytest

from stack_config.cli_yaml import load_yaml
from stack_config.load import ConfigError
from stackctl.render.manifests import render


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The files of each environment."""
    return {environment: render(environment, tmp_path_factory.mktemp(environment)) for environment in ("dev", "prod")}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_object_is_a_file_of_its_own(written: dict[str, list[Path]], environment: str) -> None:
    files = written[environment]
    assert len(files) > 25
    for file in files:
        manifest = load_yaml(file)
        assert file.name == f"{manifest['kind']}-{manifest['metadata']['name']}.yaml".lower()


def test_secrets_are_placeholders(written: dict[str, list[Path]]) -> None:
    [file] = [file for file in written["dev"] if file.name == "secret-redis-config.yaml"]
    assert load_yaml(file)["stringData"] == {
        "cache-url": "<secret cache-url>",
        "websocket-url": "<secret websocket-url>",
    }


def test_two_runs_write_the_same(written: dict[str, list[Path]], tmp_path: Path) -> None:
    first = {file.name: file.read_text() for file in written["prod"]}
    second = {file.name: file.read_text() for file in render("prod", tmp_path / "again")}
    assert first == second


def test_a_second_run_replaces_what_the_first_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    render("prod", out)
    render("dev", out)
    assert not (out / "ingress-open-webui.yaml").exists()


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes.txt"):
        render("dev", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_manifests_of_the_users_own_are_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "deployment.yaml"
    own.write_text("kind: Deployment\n")
    with pytest.raises(FileExistsError, match=r"deployment.yaml"):
        render("dev", tmp_path)
    assert own.read_text() == "kind: Deployment\n"
    assert [file.name for file in tmp_path.iterdir()] == ["deployment.yaml"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes.txt is a file"):
        render("dev", file)
    assert file.read_text() == "mine"


def test_a_wrong_config_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        render("dev", tmp_path / "out", ["openWebui.replicas=0"])
    assert not (tmp_path / "out").exists()
