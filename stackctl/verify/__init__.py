"""Checks of a deployed stack: `stackctl verify`."""
