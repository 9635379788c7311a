"""Checks of a deployed stack: `python -m stackctl.verify`, `make verify`."""
