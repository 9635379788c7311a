"""The slow part of the engine tier: what first has to be built for minutes."""

import os

import pytest

ALL = os.environ.get("ENGINE_ALL") == "1"
"""Whether `make test-engine ALL=1` runs."""

slow = pytest.mark.skipif(not ALL, reason="slow: make test-engine ALL=1")
