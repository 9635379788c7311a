"""Adopting a manual deployment: its objects and its secrets become the stack's, and no pod restarts."""
