"""Where `local` keeps things, and who may read them."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host import directories
from host.directories import CACHE_VARIABLE


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert directories.cache_directory() == tmp_path / "xdg" / "open-webui-stack"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "chosen"))
    assert directories.cache_directory() == tmp_path / "chosen"


@pytest.mark.parametrize("base", ["", "relative"])
def test_without_a_usable_base_it_is_in_the_home_directory(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directories.cache_directory() == tmp_path / ".cache" / "open-webui-stack"


def test_a_relative_choice_stays_the_same_place_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "here")
    monkeypatch.chdir(tmp_path)
    assert directories.state_directory().as_uri() == (tmp_path / "here" / "state").as_uri()


@pytest.mark.usefixtures("cache")
def test_no_other_user_can_look_inside() -> None:
    made = [
        directories.cache_directory(),
        directories.state_directory(),
        directories.clusters_directory(),
        directories.environment_directory("dev"),
        directories.environment_directory("dev").parent,
    ]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}
    assert directories.passphrase_file().stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("cache")
def test_commands_that_start_together_use_one_passphrase() -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(lambda _: directories.passphrase_file().read_text(), range(8)))
    assert len(seen) == 1
    assert len(seen.pop()) == 64
    assert {path.name for path in directories.cache_directory().iterdir()} == {"passphrase"}


@pytest.mark.usefixtures("cache")
def test_environments_in_use() -> None:
    assert directories.environments_in_use() == []
    directories.environment_directory("prod")
    directories.environment_directory("dev")
    assert directories.environments_in_use() == ["dev", "prod"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_keeps_its_old_text_when_the_new_one_cannot_be_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = directories.cache_directory() / "file"
    directories.write(file, "old")
    assert file.stat().st_mode & 0o777 == 0o600
    directories.write(file, "new")
    assert file.read_text() == "new"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="No space left"):
        directories.write(file, "newer")
    assert file.read_text() == "new"
    assert list(cache.iterdir()) == [file]
