"""Modules that a waiting container compiles: which ones, where, and what it leaves alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.open_webui.files.startup import compile_ahead
from components.open_webui.files.startup.compile_ahead import (
    Import,
    compiling_ahead,
    compiling_beside,
    cores,
    end_compilations,
    imports,
    modules,
)
from host.waiting import attempts
from stack_config.files import ROOT

SCRIPTS = ROOT / "components" / "open_webui" / "files"
# More constants than fit into one byte of an instruction.
MANY_CONSTANTS = "\n".join(f"value_{number} = 'text {number}'" for number in range(300))
FILES = {
    # Without `__init__.py`, as most directories of Open WebUI.
    "open_webui/main.py": "import shared.tools\nfrom open_webui.routers import chats\nraise SystemExit('it was run')\n",
    "open_webui/routers/chats.py": "from ..models import users as people\n",
    "open_webui/models/users.py": "def later():\n    import lazy\n",
    "shared/__init__.py": "try:\n    from .fast import thing\nexcept ImportError:\n    pass\n",
    "shared/tools.py": "import missing_package\nimport shared.broken\n",
    "shared/fast.py": "",
    "shared/broken.py": "print 'for Python 2'\n",
    "lazy.py": "",
    "unused.py": "",
}
COMPILED = {"main", "chats", "users", "__init__", "tools", "fast"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The working directory of an image without bytecode."""
    for name, text in FILES.items():
        (tmp_path / "image" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "image" / name).write_text(text)
    return tmp_path / "image"


@pytest.mark.parametrize(
    ("source", "statements"),
    [
        ("import a.b, c as d", [Import("a.b"), Import("c")]),
        ("from a.b import c, d as e", [Import("a.b", ("c", "d"))]),
        ("from a import *", [Import("a", ("*",))]),
        ("from . import a", [Import("", ("a",), 1)]),
        ("from ..a import b", [Import("a", ("b",), 2)]),
        ("try:\n    import a\nexcept ImportError:\n    import b", [Import("a"), Import("b")]),
        ("def f():\n    import a\nclass C:\n    import b", []),
        (f"{MANY_CONSTANTS}\nfrom a import b", [Import("a", ("b",))]),
    ],
)
def test_the_statements_at_the_top_of_a_module_are_followed(source: str, statements: list[Import]) -> None:
    assert list(imports(compile(source, "module.py", "exec"))) == statements


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (Import("a.b", ("c", "*")), ["a", "a.b", "a.b.c"]),
        (Import("", ("a",), 1), ["here", "here.there", "here.there.a"]),
        (Import("a", (), 2), ["here", "here.a"]),
        (Import("a", (), 4), []),
    ],
)
def test_a_statement_may_import_packages_and_members(statement: Import, names: list[str]) -> None:
    assert list(modules(statement, "here.there")) == names


def test_everything_that_an_import_reaches_is_compiled_and_nothing_is_run(place: Path) -> None:
    cache = place.parent / "cache"
    environment = {"PYTHONPATH": str(SCRIPTS), "PYTHONPYCACHEPREFIX": str(cache)}
    command = [sys.executable, "-m", "startup.compile_ahead"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    of_the_image = (cache / place.relative_to("/")).rglob("*.pyc")
    assert {file.name.partition(".")[0] for file in of_the_image} == COMPILED
    assert (cache / "complete").exists()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[str]"]:
    """The processes that are started."""
    processes: list[subprocess.Popen[str]] = []
    start = subprocess.Popen

    def popen(*arguments: object, **options: object) -> "subprocess.Popen[str]":
        processes.append(start(*arguments, **options))  # type: ignore[call-overload]
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return processes


def replaced_by(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Another program in the place of the compiler."""
    run: Callable[..., subprocess.Popen[str]] = subprocess.Popen
    command = [sys.executable, "-c", program]
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: run(command, **options))


def image(monkeypatch: pytest.MonkeyPatch, prefix: str | None = "/cache", *, has_bytecode: bool = False) -> None:
    """An image, and the place for its bytecode."""
    monkeypatch.setattr(sys, "pycache_prefix", prefix)
    monkeypatch.setattr(compile_ahead, "image_has_bytecode", lambda: has_bytecode)


def test_the_process_ends_with_the_wait(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image(monkeypatch)
    replaced_by(monkeypatch, "import time; time.sleep(600)")
    with compiling_ahead() as runs:
        [process] = started
        assert process.poll() is None
        assert runs()
    assert process.poll() is not None
    assert capsys.readouterr().out == ""


def test_a_failure_is_in_the_log_and_ends_nothing(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image(monkeypatch)
    replaced_by(monkeypatch, "raise SystemExit('the volume is full')")
    with compiling_ahead():
        for _ in attempts(seconds=20, every=0.05):
            if started[0].poll() is not None:
                break
    assert (
        "Modules could not be compiled ahead, so the start takes longer: the volume is full" in capsys.readouterr().out
    )


def test_the_value_says_whether_the_process_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    image(monkeypatch)
    replaced_by(monkeypatch, "input()")
    with compiling_ahead() as runs:
        # Its standard input is at its end, so it fails at once.
        assert any(not runs() for _ in attempts(seconds=20, every=0.05))


def test_what_is_compiled_completely_needs_no_process(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    image(monkeypatch, str(tmp_path))
    (tmp_path / "complete").touch()
    with compiling_ahead() as runs:
        assert not runs()
    assert started == []


@pytest.mark.parametrize(
    ("limit", "number"), [("max 100000", 4), ("200000 100000", 2), ("50000 100000", 0.5), ("800000 100000", 4), ("", 4)]
)
def test_the_cores_of_a_container_are_those_of_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, number: float
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    file = tmp_path / "cpu.max"
    assert cores(file) == 4
    file.write_text(f"{limit}\n")
    assert cores(file) == number


@pytest.mark.parametrize("number", [1.5, 2])
def test_an_import_of_a_container_with_one_core_has_no_process_beside_it(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    image(monkeypatch)
    replaced_by(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(compile_ahead, "cores", lambda: number)
    with compiling_beside():
        assert len(started) == (number >= 2)
    assert all(process.poll() is not None for process in started)


def test_what_is_imported_already_has_no_process_beside_it(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a handover, whose import was ahead of the migration."""
    image(monkeypatch)
    monkeypatch.setattr(compile_ahead, "cores", lambda: 2)
    monkeypatch.setitem(sys.modules, compile_ahead.FIRST, compile_ahead)
    with compiling_beside():
        pass
    assert started == []


def test_a_process_that_becomes_another_program_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    image(monkeypatch)
    replaced_by(monkeypatch, "import time; time.sleep(600)")
    with compiling_ahead() as runs:
        end_compilations()
        assert not runs()
    end_compilations()


def test_without_a_process_the_start_only_takes_longer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image(monkeypatch)

    def no_process(*_: object, **__: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with compiling_ahead() as runs:
        assert not runs()
    assert "so the start takes longer: Resource temporarily unavailable" in capsys.readouterr().out


@pytest.mark.parametrize(("prefix", "has_bytecode"), [(None, False), ("/cache", True)])
def test_an_image_with_bytecode_or_no_place_for_it_needs_no_process(
    started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch, prefix: str | None, has_bytecode: bool
) -> None:
    image(monkeypatch, prefix, has_bytecode=has_bytecode)
    with compiling_ahead():
        pass
    assert started == []
