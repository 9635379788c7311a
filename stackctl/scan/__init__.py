"""`python -m stackctl.scan`: other people's checks on the rendered objects and on the workflows."""
