"""`python -m ops.deploy`: preview, update and drift of a stack in a backend that a team shares. For pipelines."""
