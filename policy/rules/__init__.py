"""The rules: plain functions over plain Kubernetes objects."""
