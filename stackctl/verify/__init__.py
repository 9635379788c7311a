"""Checks of a deployed stack: `python -m ops.verify`, `make verify`."""
