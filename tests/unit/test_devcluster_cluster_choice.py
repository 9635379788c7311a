"""Which cluster `--cluster` means."""

from pathlib import Path

import pytest
import yaml

from devcluster.clusters.choice import choose
from terminal.errors import UsageError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig of the user's with two contexts, one of them current."""
    file = tmp_path_factory.mktemp("user") / "config"
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("production", "staging")]
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": contexts,
        "current-context": "production",
    }
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return file


def program(directory: Path, name: str, exit_code: int = 0) -> None:
    file = directory / name
    file.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    file.chmod(0o755)


def test_auto_is_simulated_without_docker(programs: Path) -> None:
    assert choose("auto") == ("kwok", None)
    program(programs, "kind")
    assert choose("auto") == ("kwok", None)


def test_auto_is_simulated_where_docker_does_not_answer(programs: Path) -> None:
    program(programs, "kind")
    program(programs, "docker", exit_code=1)
    assert choose("auto") == ("kwok", None)


def test_auto_is_kind_where_it_can_run(programs: Path) -> None:
    program(programs, "kind")
    program(programs, "docker")
    assert choose("auto") == ("kind", None)
    assert choose("kwok") == ("kwok", None)


@pytest.mark.usefixtures("programs")
def test_kind_says_what_it_needs() -> None:
    with pytest.raises(UsageError, match="kind on PATH and a Docker engine"):
        choose("kind")


def test_a_context_of_the_user_is_used_when_named() -> None:
    assert choose("staging") == ("context", "staging")


@pytest.mark.usefixtures("programs")
def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UsageError, match=r"--cluster kwock.*\n.*production, staging"):
        choose("kwock")


def test_a_real_node_is_chosen_by_name_alone() -> None:
    assert choose("node") == ("node", None)


def test_without_a_kubeconfig_there_is_no_context(kubeconfig: Path) -> None:
    kubeconfig.unlink()
    with pytest.raises(UsageError, match="Contexts: none"):
        choose("staging")
