"""Watches objects of the cluster."""

import threading
import time
from collections.abc import Callable
from typing import Any

import urllib3
from kubernetes import client, watch

_PAUSE_SECONDS = 1


class Watcher(threading.Thread):
    """Sets an event at each change of the objects that a function lists. Reconnects after an error."""

    def __init__(self, list_objects: Callable[..., Any], changed: threading.Event) -> None:
        """Watch what ``list_objects`` lists and set ``changed`` at each change."""
        super().__init__(daemon=True)
        self._list_objects = list_objects
        self._changed = changed

    def run(self) -> None:
        """Watch until the process ends."""
        while True:
            try:
                for _ in watch.Watch().stream(self._list_objects, timeout_seconds=300):
                    self._changed.set()
            except (client.ApiException, urllib3.exceptions.HTTPError):
                time.sleep(_PAUSE_SECONDS)
            self._changed.set()
