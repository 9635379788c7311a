"""Enforces the cluster's NetworkPolicies on its node."""
