"""Taking over what was deployed by hand: its objects and its secrets become the stack's, and nothing restarts."""
