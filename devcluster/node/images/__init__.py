"""Container images for a machine without a registry: built from packages of Debian and PyPI, under the public names."""
