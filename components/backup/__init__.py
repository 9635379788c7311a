"""Scheduled dumps of the database, each proved by restoring it."""
