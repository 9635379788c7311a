"""This build, a build before, the plain source design and the official chart, each alone on one node, in one run.

Nothing is asserted about how the others fare: that is what is measured.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack_config.files import ROOT
from stackctl.deployed.kubectl import KubectlError
from stackctl.verify.client_pod import client_pod
from tests.support.e2e import design_rows, designs, earlier_build
from tests.support.e2e.design_table import (
    BOUNDS,
    COLUMNS,
    FIRST_START,
    ONE_MORE,
    RESTARTS,
    SETTING,
    Bound,
    Cell,
    DesignTable,
)
from tests.support.e2e.designs import Design
from tests.support.e2e.measurements import MEASUREMENTS_VARIABLE, write_again
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def table() -> Iterator[DesignTable]:
    """The table of this run, written to its file and its page if a page is named."""
    table = DesignTable()
    yield table
    if file := os.environ.get(MEASUREMENTS_VARIABLE):
        table.write()
        write_again(ROOT / file)


@pytest.fixture(scope="module")
def empty_node(node: Node) -> Iterator[Node]:
    """A node of its own, on which nothing is deployed yet."""
    with node.own():
        node.start()
        yield node


@pytest.fixture(scope="module", params=COLUMNS)
def column(request: pytest.FixtureRequest) -> str:
    """A design's column."""
    return str(request.param)


@pytest.fixture(scope="module")
def design(
    empty_node: Node, table: DesignTable, column: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Design]:
    """The design with three replicas, started on an empty database, alone on the node."""
    design = _design(column, empty_node, table, tmp_path_factory)
    try:
        try:
            start = design_rows.start(design)
        except (AssertionError, KubectlError) as error:
            table.miss(column, f"it did not start: {_reason(error)}")
            if column == "stack":
                raise
            pytest.skip(_reason(error))
        table.add(FIRST_START, column, start.time)
        table.add(RESTARTS, column, start.restarts)
        yield design
    finally:
        design.stop()


def _design(column: str, node: Node, table: DesignTable, directories: pytest.TempPathFactory) -> Design:
    if column == "stack":
        table.revise(column, earlier_build.revision(ROOT))
        return designs.this_build(node)
    if column != "before":
        return {"source_design": designs.source_design, "chart": designs.official_chart}[column](node)
    named = os.environ.get(earlier_build.CHECKOUT_VARIABLE)
    if not named:
        reason = f"{earlier_build.CHECKOUT_VARIABLE} names no checkout of an earlier revision"
        table.miss(column, reason)
        pytest.skip(reason)
    checkout = Path(named).resolve()
    table.revise(column, earlier_build.revision(checkout))
    return designs.build_before(node, checkout, directories.mktemp("before"))


@pytest.fixture(scope="module")
def design_client(design: Design) -> Iterator[str]:
    """A pod that may connect to its web pods."""
    with client_pod(design.stack) as name:
        yield name


@pytest.fixture(scope="module")
def design_token(design: Design, design_client: str) -> Token:
    """A token of its administrator."""
    return design.token(design_client)


def measure(table: DesignTable, row: str, column: str, one: Callable[[], Cell]) -> Cell:
    """Add a measurement, or why there is none. Only this build has to have all."""
    try:
        cell = one()
    except (AssertionError, KubectlError) as error:
        table.add(row, column, Cell(f"not measured: {_reason(error)}"))
        if column == "stack":
            raise
        pytest.skip(_reason(error))
    table.add(row, column, cell)
    print(f"\n{column}: {row}: {cell.text}")
    return cell


def _reason(error: Exception) -> str:
    """Its last line, for a cell of a table."""
    return (str(error).strip() or type(error).__name__).splitlines()[-1].replace("|", "/")[:200]


def test_a_change_of_a_setting(
    design: Design, design_client: str, design_token: Token, table: DesignTable, column: str
) -> None:
    measure(table, SETTING, column, lambda: design_rows.change_of_a_setting(design, design_client, design_token))


@pytest.mark.parametrize("row", design_rows.FAULTS)
def test_a_fault(
    design: Design, design_client: str, design_token: Token, table: DesignTable, column: str, row: str
) -> None:
    cause = design_rows.FAULTS[row](design)
    cell = measure(table, row, column, lambda: design_rows.fault(design, design_client, design_token, cause))
    if column == "stack":
        assert cell.numbers["lost"] == 0


def test_one_more_replica(design: Design, table: DesignTable, column: str) -> None:
    measure(table, ONE_MORE, column, lambda: design_rows.one_more_replica(design))


@pytest.mark.parametrize("bound", [bound for bound in BOUNDS if bound.held is not None], ids=lambda bound: bound.name)
def test_this_build_holds(table: DesignTable, bound: Bound) -> None:
    value = bound.value(table.numbers)
    if value is None:
        pytest.skip("one of its columns was not measured")
    assert bound.held is not None
    assert value <= bound.held
