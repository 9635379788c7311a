"""Moving a single Open WebUI with SQLite and local files into a deployed stack."""
