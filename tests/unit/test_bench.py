"""The bounds of `make bench` on the size of a stack: what they compare, and the stack that they measure."""

import pytest

from stack_config.files import read_stack
from stack_config.load import parse
from tests.bench.scale import COPIES, GROWTH_LIMIT, LARGE, PREVIEW_LIMIT, Cost, figures, growth


def cost(cpu: float) -> Cost:
    return Cost(cpu=cpu, wall=0, memory=0)


def test_the_large_stack_has_a_hundred_replicas_and_three_shards() -> None:
    settings = parse(read_stack("dev", ["kubeContext=test", *LARGE]).values, [])
    assert settings.open_webui.replicas == 100
    assert (settings.redis.topology, settings.redis.cluster.masters) == ("cluster", 3)


@pytest.mark.parametrize(("power", "within"), [(1, True), (2, False)])
def test_a_cost_that_grows_faster_than_the_objects_is_over_the_limit(power: int, within: bool) -> None:
    """Whatever an empty program costs."""
    measured = {(f"copies-{number}", "preview"): cost(5 + number**power) for number in COPIES}
    assert (growth(measured, "preview") <= GROWTH_LIMIT) is within


def test_the_preview_is_compared_with_that_of_an_empty_program() -> None:
    measured = {(f"copies-{number}", each): cost(number) for number in COPIES for each in ("preview", "up")}
    measured |= {("none", "preview"): cost(2), ("dev", "preview"): cost(2 * PREVIEW_LIMIT)}
    measured |= {("large", "preview"): cost(2 * PREVIEW_LIMIT + 0.1)}
    assert [figure.holds for figure in figures(measured)] == [False, True, True, True]
    measured |= {("large", "preview"): cost(2 * PREVIEW_LIMIT), ("dev", "preview"): cost(3)}
    assert [figure.holds for figure in figures(measured)] == [True, False, True, True]
