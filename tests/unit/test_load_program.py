"""The program runs when the thread that imports its modules has ended."""

import runpy
from threading import Event, Timer

import pytest

from stackctl.engine import workspace


def test_the_program_waits_for_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Event()
    loaded_before: list[bool] = []
    monkeypatch.setattr(workspace, "import_module", lambda _: loaded.wait(5))
    monkeypatch.setattr(runpy, "run_path", lambda *_, **__: loaded_before.append(loaded.is_set()))
    workspace.load_program()
    Timer(0.2, loaded.set).start()
    workspace.run_program()
    workspace.run_program()
    assert loaded_before == [True, True]
