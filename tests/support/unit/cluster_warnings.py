"""Warnings of a program that asks the cluster."""

import pulumi
import pytest

from stack_config import cluster_questions


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program, which runs with an engine that is not a mock."""
    kept: list[str] = []
    monkeypatch.setattr(cluster_questions, "get_monitor", object)
    monkeypatch.setattr(pulumi.log, "warn", kept.append)
    return kept
