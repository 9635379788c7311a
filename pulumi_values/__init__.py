"""Pulumi's own values: secrets and unknowns, URNs, property paths (README.md)."""
