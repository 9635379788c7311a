"""Backups of a deployed stack by hand: make one now, list them, restore one."""
