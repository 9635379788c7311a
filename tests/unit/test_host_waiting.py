"""Waiting with a deadline: the first attempt is at once, the last one at the deadline, and pauses are not longer."""

import pytest

from host import waiting
from host.waiting import attempts


class Clock:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "monotonic", lambda: clock.now)
    monkeypatch.setattr(waiting, "sleep", clock.sleep)
    return clock


def test_the_first_attempt_has_no_pause_before_it(clock: Clock) -> None:
    for _ in attempts(seconds=60, every=1):
        break
    assert clock.pauses == []


def test_the_last_attempt_is_at_the_deadline(clock: Clock) -> None:
    times = [clock.now for _ in attempts(seconds=2.5, every=1)]
    assert times == [100, 101, 102, 102.5]
    assert clock.pauses == [1, 1, 0.5]


def test_without_time_there_is_one_attempt(clock: Clock) -> None:
    assert len(list(attempts(seconds=0, every=1))) == 1
    assert clock.pauses == []


def test_time_that_the_body_takes_counts(clock: Clock) -> None:
    times = []
    for _ in attempts(seconds=10, every=1):
        times.append(clock.now)
        clock.now += 8
    assert times == [100, 109]
