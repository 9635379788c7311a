"""Distribution of tests over the workers of pytest-xdist by group.

The groups of pytest-xdist itself (`--dist loadgroup`) have no effect with pytest 9.2: release 3.8.0 of pytest-xdist
writes them into a field of the node ID that pytest does not read any more, and the tests of a group run in every worker
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from collections.abc import Callable

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Sends a group of tests to one worker, in the order in which the groups begin in the collection."""

    def __init__(self, config: pytest.Config, log: Producer, group_of: Callable[[str], str]) -> None:
        """Arguments beside those of the hook `pytest_xdist_make_scheduler`.

        Args:
            group_of: the name of the group of a test, by its node ID.
        """
        super().__init__(config, log)
        self._group_of = group_of
        # Not in the order of the number of tests, which says little about the time that they take.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return self._group_of(nodeid)
