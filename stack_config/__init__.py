"""The stack's config: its keys, its files, and the way from there to the settings."""
