"""The objects of a stack as YAML, without engine or cluster."""
