"""Pulumi's engine on the stack of an environment: workspace, runs, progress, recovery after an interruption."""
