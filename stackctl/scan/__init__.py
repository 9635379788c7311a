"""`python -m ops.scan`: other people's checks on the rendered objects and on the workflows."""
