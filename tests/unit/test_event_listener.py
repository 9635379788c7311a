"""How long the listener for events of other replicas pauses after a failed connection."""

import asyncio
import logging
import sys
from types import SimpleNamespace

import pytest

from components.open_webui.files.startup.event_listener import LISTENER, LONGEST_PAUSE_SECONDS, reconnect_soon


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of them in real time."""
    made: list[float] = []

    async def sleep(delay: float) -> None:
        made.append(delay)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return made


def test_a_long_pause_is_shortened_and_a_short_one_is_not(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    module = SimpleNamespace(asyncio=asyncio)
    monkeypatch.setitem(sys.modules, LISTENER, module)
    reconnect_soon()
    for delay in (1, 60):
        asyncio.run(module.asyncio.sleep(delay))
    assert pauses == [1, LONGEST_PAUSE_SECONDS]
    assert module.asyncio.Event is asyncio.Event
    assert caplog.text == ""


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(asyncio="another library")])
def test_another_release_is_left_alone_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: SimpleNamespace | None
) -> None:
    monkeypatch.setitem(sys.modules, LISTENER, module)
    before = dict(vars(module)) if module else None
    with caplog.at_level(logging.WARNING):
        reconnect_soon()
    assert "may be lost for another minute" in caplog.text
    assert (dict(vars(module)) if module else None) == before
