"""The cluster that a stack is deployed to."""
