"""Deploying: the engine's commands on a stack of this repository."""
