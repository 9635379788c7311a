"""The slow part of the servers tier: what takes more minutes than a change can wait for."""

import os

import pytest

ALL = os.environ.get("SERVERS_ALL") == "1"
"""Whether `make test-servers ALL=1` runs."""

slow = pytest.mark.skipif(not ALL, reason="slow: make test-servers ALL=1")
