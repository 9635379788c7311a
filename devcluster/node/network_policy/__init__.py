"""Enforces the NetworkPolicies of the cluster on its node."""
