"""Container images for a machine without a registry: made from Debian's and PyPI's packages, under the public names."""
