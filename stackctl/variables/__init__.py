"""The environment variables of an Open WebUI release: read from its wheel, classified in the repository."""
