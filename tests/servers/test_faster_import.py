"""The import of the real Open WebUI as the pods do it: less work, and the same application."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from devcluster.node.images.definitions import open_webui as image
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES, VERSION, installed_package

PLAIN = "import open_webui.main"
PREPARED = f"from startup.faster_import import prepare_import; prepare_import(); {PLAIN}"
WITHOUT_BYTECODE = f"from startup import faster_import; faster_import.has_bytecode = lambda _: False; {PREPARED}"
BESIDE = """
import pathlib, sys, time
from importlib.machinery import SourceFileLoader
from startup import compile_ahead, faster_import
faster_import.has_bytecode = lambda _: False
own, compile_source = [], SourceFileLoader.source_to_code
def counting(self, data, path, **options):
    own.append(path)
    return compile_source(self, data, path, **options)
SourceFileLoader.source_to_code = counting
faster_import.prepare_import()
stored = pathlib.Path(sys.pycache_prefix)
before = sum(1 for _ in stored.rglob("*.pyc"))
with compile_ahead.compiling_ahead():
    while sum(1 for _ in stored.rglob("*.pyc")) < before + 300:
        time.sleep(0.1)
    import open_webui.main
pathlib.Path("own").write_text(str(len(own)))
"""
REPORT = """
import asyncio, json, time
seconds = time.process_time()
application = open_webui.main
changelog = asyncio.run(application.get_app_changelog())
print()
print(json.dumps({"seconds": seconds, "changelog": changelog, "routes": application.app.openapi()}, sort_keys=True))
"""
NOWHERE = "postgresql://user:password@127.0.0.1:1/database"
MOST_OF_THE_CPU_TIME = 0.85
"""It was 0.62 on an idle machine; on a busy one CPU time varies by a tenth."""
MOST_OF_THE_MODULES = 0.9


@dataclass(frozen=True)
class Import:
    """A process that has imported Open WebUI."""

    seconds: float
    """CPU time that the import took."""

    changelog: dict[str, object]
    routes: dict[str, object]


def imported(place: Path, program: str, **variables: str) -> Import:
    """Import Open WebUI with a program."""
    (place / "data").mkdir(exist_ok=True)
    done = subprocess.run(
        [str(PACKAGES / "bin" / "python"), "-c", f"{program}{REPORT}"],
        cwd=place,
        env={
            **image(VERSION).environment,
            "HOME": str(place),
            "PYTHONPATH": str(SCRIPTS),
            # Routes with several methods are named after the first one of a set.
            "PYTHONHASHSEED": "0",
            "DATA_DIR": str(place / "data"),
            "STATIC_DIR": str(place / "static"),
            "FRONTEND_BUILD_DIR": str(installed_package() / "frontend"),
            "WEBUI_SECRET_KEY": "of-this-test",
            "ENABLE_DB_MIGRATIONS": "false",
            # The import connects to neither.
            "DATABASE_URL": NOWHERE,
            "PGVECTOR_DB_URL": NOWHERE,
            "VECTOR_DB": "pgvector",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Import(**json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Import, Import]:
    """The import as it is, and that of the pods."""
    place = tmp_path_factory.mktemp("import")
    return imported(place, PLAIN), imported(place, PREPARED)


def test_the_application_is_the_same(both: tuple[Import, Import]) -> None:
    plain, prepared = both
    assert len(plain.changelog) > 1
    assert prepared.changelog == plain.changelog
    assert len(plain.routes) > 1
    assert prepared.routes == plain.routes


def test_the_import_takes_less_cpu_time(both: tuple[Import, Import]) -> None:
    plain, prepared = both
    assert prepared.seconds <= MOST_OF_THE_CPU_TIME * plain.seconds


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> tuple[Import, Path]:
    """The import of an image without bytecode, and where it has stored what it compiled."""
    place = tmp_path_factory.mktemp("cold")
    cache = place / "cache"
    return imported(place, WITHOUT_BYTECODE, PYTHONPYCACHEPREFIX=str(cache)), cache


def test_an_image_without_bytecode_compiles_once(cold: tuple[Import, Path], tmp_path: Path) -> None:
    """The second container of a pod reads what the first one has compiled."""
    first, cache = cold
    compiled = {file: file.stat().st_mtime_ns for file in cache.rglob("*.pyc")}
    assert len([file for file in compiled if "open_webui" in file.parts]) > 100
    second = imported(tmp_path, WITHOUT_BYTECODE, PYTHONPYCACHEPREFIX=str(cache))
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.pyc")} == compiled
    assert second.seconds <= MOST_OF_THE_CPU_TIME * first.seconds


def test_an_import_beside_the_process_that_compiles_is_the_same(
    both: tuple[Import, Import], cold: tuple[Import, Path], tmp_path: Path
) -> None:
    plain, _ = both
    _, needed = cold
    beside = imported(tmp_path, BESIDE, PYTHONPYCACHEPREFIX=str(tmp_path / "cache"))
    assert beside.routes == plain.routes
    assert 0 < int((tmp_path / "own").read_text()) <= sum(1 for _ in needed.rglob("*.pyc")) - 150


def test_most_modules_are_compiled_while_a_container_waits(cold: tuple[Import, Path], tmp_path: Path) -> None:
    """The container that serves compiles only what the import statements at the top of the modules do not show."""
    _, needed_cache = cold
    needed = {file.relative_to(needed_cache) for file in needed_cache.rglob("*.pyc")}
    cache = tmp_path / "cache"
    command = [str(PACKAGES / "bin" / "python"), "-m", "startup.compile_ahead"]
    environment = {"PYTHONPATH": str(SCRIPTS), "PYTHONPYCACHEPREFIX": str(cache)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    compiled = {file.relative_to(cache) for file in cache.rglob("*.pyc")}
    assert len(needed & compiled) >= MOST_OF_THE_MODULES * len(needed)
